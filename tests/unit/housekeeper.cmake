p11gate_unit_test(line_source LINKS housekeeper base)
