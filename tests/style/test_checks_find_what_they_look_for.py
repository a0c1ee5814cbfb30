"""Each style check is given a tree with one thing wrong in it, and must find it; and the same tree without."""

import os

import document_checks
import house_checks
import pytest

README = "| `tests/run` | runs |\n| `docs/events.md` | events |\n| `proxy/core/*` | core |\n"
EVENTS = "# Events\n| `session-begin` | x |\n# Reasons\n| `done` | it is complete |\n"
GOOD = {
    "README.md": README,
    "docs/events.md": EVENTS,
    "proxy/core/reason.h": '#define SESSION_REASONS(X) \\\n    X(DONE, "done", "it is complete")\n',
    "proxy/core/a.c": '#include "reason.h"\nvoid f(void)\n{\n    log_event(LOG_LEVEL_INFO, "session-begin", NULL);\n}\n',
    "tests/run": "#!/bin/bash\n",
}
SLEEP = "time." + "sleep(1)\n"

# check, path, what is written there (None: the file is taken away), what the finding says
BAD = [
    (house_checks.long_files, "proxy/core/b.c", "int x;\n" * 451, "b.c: 451 lines"),
    (house_checks.long_files, "proxy/core/b.h", "\n" * 121, "b.h: 121 lines"),
    (house_checks.long_functions, "proxy/core/b.c", "void g(void)\n{\n" + "    f();\n" * 70 + "}\n", "b.c:1: g is longer"),
    (house_checks.third_party_headers, "proxy/core/b.c", "#include <openssl/ssl.h>\n", "b.c:1: OpenSSL"),
    (house_checks.third_party_headers, "proxy/ftp/b.c", "# include <ev.h>\n", "b.c:1: libev"),
    (house_checks.leftovers, "proxy/core/b.c", "/* TO" + "DO */\n", "leftover"),
    (house_checks.leftovers, "README.md", "this is a place" + "holder\n", "leftover"),
    (house_checks.unsafe_calls, "proxy/core/b.c", "strcpy (a, b);\n", "unsafe call"),
    (house_checks.sleeps, "tests/flow/test_b.py", SLEEP, "does not sleep"),
    (house_checks.sleeps, "tests/unit/test_b.c", "usleep(5);\n", "does not sleep"),
    (house_checks.weak_tests, "tests/flow/test_b.py", "    assert " + "True\n", "cannot fail"),
    (house_checks.weak_tests, "tests/unit/test_b.c", "assert_" + "true(1);\n", "cannot fail"),
    (house_checks.build_machine_paths, "tests/b", "cd /ho" + "me/someone/p11gate\n", "a path of one machine"),
    (house_checks.executable_scripts, "tests/b", "#!/bin/sh\n", "not executable"),
    (document_checks.map_of_files, "tests/b", "x\n", "does not name tests/b"),
    (document_checks.map_of_files, "docs/events.md", None, "which is not there"),
    (document_checks.links, "docs/b.md", "[a](nowhere.md)\n", "leads nowhere"),
    (document_checks.events, "proxy/core/a.c", 'log_begin(&line,\n    LOG_LEVEL_INFO, "new");\n', "event new is missing"),
    (document_checks.events, "proxy/core/a.c", 'log_begin(&line, level, x ? "one" : "two");\n', "event two is missing"),
    (document_checks.events, "proxy/core/a.c", "\n", "event session-begin is not in the sources"),
    (document_checks.reasons, "proxy/core/reason.h", 'X(DONE, "done", "other")\n', "reason done:"),
    (document_checks.reasons, "proxy/core/reason.h", 'X(QUIT, "quit", "bye")\n', "reason quit is missing"),
    (document_checks.man_pages, "docs/man/b.8", ".TH B 8\n.SH X\n.nosuchmacro\n", "b.8"),
]


def plant(root, path, content):
    target = root / path
    if content is None:
        target.unlink()
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content)


@pytest.fixture
def good_tree(tmp_path):
    for path, content in GOOD.items():
        plant(tmp_path, path, content)
    os.chmod(tmp_path / "tests/run", 0o755)
    return tmp_path


def test_a_good_tree_has_no_findings(good_tree):
    assert house_checks.findings(str(good_tree)) + document_checks.findings(str(good_tree)) == []


@pytest.mark.parametrize("check, path, content, expected", BAD)
def test_a_bad_tree_has_the_finding(good_tree, check, path, content, expected):
    plant(good_tree, path, content)
    assert [finding for finding in check(str(good_tree)) if expected in finding]
