p11gate_fuzz_target(ftp_line LINKS ftp conf tls base)
p11gate_fuzz_target(ftp_reply LINKS ftp base)
p11gate_fuzz_target(ftp_control LINKS ftp core conf base)
