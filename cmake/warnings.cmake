# One target that carries what every p11gate source is compiled with.
add_library(p11gate_flags INTERFACE)
target_compile_definitions(p11gate_flags INTERFACE _GNU_SOURCE P11GATE_VERSION="${PROJECT_VERSION}")
target_compile_options(p11gate_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
    -Wundef -Wvla -Wformat=2 -Wwrite-strings -Wcast-align -Wcast-qual -Wpointer-arith
    -Wimplicit-fallthrough -Wswitch-enum -Wconversion -Wsign-conversion -fno-common)
if(P11GATE_WERROR)
    target_compile_options(p11gate_flags INTERFACE -Werror)
endif()
if(P11GATE_SANITIZE)
    target_compile_options(p11gate_flags INTERFACE
        -fsanitize=${P11GATE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(p11gate_flags INTERFACE -fsanitize=${P11GATE_SANITIZE})
    # The sanitizers open files and map memory at any time: the sandbox is told to let them.
    target_compile_definitions(p11gate_flags INTERFACE P11GATE_RELAXED_SANDBOX=1)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(p11gate_flags INTERFACE -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
        -fstack-protector-strong)
    target_link_options(p11gate_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
target_compile_options(p11gate_flags INTERFACE -fPIE)
target_link_options(p11gate_flags INTERFACE -pie)
