p11gate_fuzz_target(tls LINKS tls PkgConfig::OPENSSL)
