# tls_kit: keys, a signer and a client that all of them share.
foreach(name tls tls_bytes tls_garbage tls_tickets tls_sessions tls_peer tls_dates tls_ctx tls_admission tls_names tls_several_keys
        remote_key)
    p11gate_unit_test(${name} SOURCES tls_kit.c tls_kit_keys.c LINKS tls PkgConfig::OPENSSL)
endforeach()
foreach(name tls_trust tls_trust_again tls_trust_files)
    p11gate_unit_test(${name} SOURCES tls_kit.c tls_kit_keys.c tls_kit_trust.c LINKS tls PkgConfig::OPENSSL)
endforeach()
foreach(name tls_client tls_client_trust)
    p11gate_unit_test(${name} SOURCES tls_kit.c tls_kit_keys.c tls_way.c LINKS tls sign_rules PkgConfig::OPENSSL)
endforeach()
foreach(name tls_ocsp tls_stapling)
    p11gate_unit_test(${name} SOURCES tls_kit.c tls_kit_keys.c tls_kit_ocsp.c LINKS tls PkgConfig::OPENSSL)
endforeach()
