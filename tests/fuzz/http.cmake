p11gate_fuzz_target(http_head LINKS http)
p11gate_fuzz_target(http_body LINKS http)
p11gate_fuzz_target(http_exchange LINKS http)
# Against another parser: Debian's http-parser.
p11gate_fuzz_target(http_differential LINKS http http_parser)
