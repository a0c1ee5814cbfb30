p11gate_unit_test(line_source LINKS housekeeper base)
p11gate_unit_test(expiry LINKS housekeeper base)
p11gate_unit_test(json_line LINKS housekeeper json_line base PkgConfig::JANSSON)
p11gate_unit_test(metrics LINKS housekeeper reason base)
p11gate_unit_test(board LINKS housekeeper base SOURCES board_kit.c)
p11gate_unit_test(admin LINKS housekeeper base Threads::Threads SOURCES board_kit.c)
p11gate_unit_test(housekeeper LINKS housekeeper base SOURCES board_kit.c)

# The housekeeper has a second thread: the same tests in the build of preset tsan, or nothing.
set(P11GATE_TSAN_BUILD "" CACHE PATH "build folder of preset tsan, or empty")
if(P11GATE_TSAN_BUILD)
    add_test(NAME unit.tsan COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${P11GATE_TSAN_BUILD}
             -R "^unit.(admin|board|housekeeper)$" --output-on-failure --no-tests=error)
    set_tests_properties(unit.tsan PROPERTIES LABELS "unit;tsan" TIMEOUT 300)
endif()
