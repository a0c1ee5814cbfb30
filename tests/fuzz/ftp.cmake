p11gate_fuzz_target(ftp_line LINKS ftp base)
p11gate_fuzz_target(ftp_control LINKS ftp core base)
