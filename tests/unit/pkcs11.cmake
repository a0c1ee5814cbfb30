p11gate_unit_test(handshake_form LINKS sign_rules)
p11gate_unit_test(transcript_form SOURCES transcript.c LINKS sign_rules)
p11gate_unit_test(signing LINKS signing base ipc PkgConfig::P11KIT PkgConfig::OPENSSL)

# These start the real p11gate-signer with a SoftHSM2 token of their own.
p11gate_unit_test(signer SOURCES signer_fixture.c signer_requests.c LINKS signing base ipc sign_message PkgConfig::P11KIT
    PkgConfig::OPENSSL)
p11gate_unit_test(signer_start SOURCES signer_fixture.c signer_requests.c LINKS signing base ipc sign_message PkgConfig::P11KIT
    PkgConfig::OPENSSL)
p11gate_unit_test(signer_faults SOURCES signer_fixture.c signer_requests.c LINKS signing base ipc sign_message PkgConfig::P11KIT
    PkgConfig::OPENSSL)
p11gate_unit_test(signer_oracle SOURCES signer_fixture.c signer_requests.c transcript.c LINKS signing base ipc sign_message PkgConfig::P11KIT
    PkgConfig::OPENSSL)
p11gate_unit_test(signer_tokens SOURCES signer_fixture.c signer_requests.c token_objects.c LINKS signing base ipc sign_message
    PkgConfig::P11KIT PkgConfig::OPENSSL ${CMAKE_DL_LIBS})
foreach(test signer signer_start signer_faults signer_tokens signer_oracle)
    add_dependencies(test_${test} p11gate-signer fake-token)
    target_compile_definitions(test_${test} PRIVATE SIGNER_PROGRAM="$<TARGET_FILE:p11gate-signer>"
        FAKE_MODULE="$<TARGET_FILE:fake-token>")
    set_tests_properties(unit.${test} PROPERTIES LABELS "unit;token")
endforeach()
