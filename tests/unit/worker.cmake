p11gate_unit_test(sandbox LINKS sandbox base)
p11gate_unit_test(login_reports LINKS worker ipc base)
p11gate_unit_test(worker_grants LINKS worker tls conf ipc base)
