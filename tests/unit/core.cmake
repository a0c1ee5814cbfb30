p11gate_unit_test(rates LINKS core base)
