p11gate_fuzz_target(proxy_header LINKS core base)
