p11gate_unit_test(text LINKS base)
p11gate_unit_test(buf LINKS base)
p11gate_unit_test(addr LINKS base)
p11gate_unit_test(log LINKS base)
