p11gate_unit_test(sandbox LINKS sandbox base)
