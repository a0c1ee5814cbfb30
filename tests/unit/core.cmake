p11gate_unit_test(proxy_header LINKS core base)
p11gate_unit_test(access LINKS access conf base)
p11gate_unit_test(backend SOURCES net_pair.c LINKS core net ipc conf libev)
p11gate_unit_test(policy SOURCES conf_fixture.c tls_kit.c tls_kit_keys.c LINKS core conf tls ipc base PkgConfig::OPENSSL)
