p11gate_unit_test(line_source LINKS housekeeper base)
p11gate_unit_test(metrics LINKS housekeeper reason base)
p11gate_unit_test(board LINKS housekeeper base SOURCES board_kit.c)
p11gate_unit_test(admin LINKS housekeeper base Threads::Threads SOURCES board_kit.c)
