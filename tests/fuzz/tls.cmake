p11gate_fuzz_target(tls LINKS tls PkgConfig::OPENSSL)
p11gate_fuzz_target(tls_partner LINKS tls PkgConfig::OPENSSL)
