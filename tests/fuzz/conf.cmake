p11gate_fuzz_target(conf LINKS conf ipc)
