p11gate_fuzz_target(http_head LINKS http)
p11gate_fuzz_target(http_body LINKS http)
p11gate_fuzz_target(http_exchange LINKS http)
