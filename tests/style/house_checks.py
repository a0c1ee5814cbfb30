"""What the sources must keep to, one function a rule; each returns its findings as "path:line: what"."""

import os
import re
import subprocess

import tree

# A third-party header belongs to one place: who else needs it, needs a function of that place.
HEADER_HOMES = {
    r"openssl/": ("OpenSSL", r"^(proxy/tls/|pkcs11/)"),
    r"ev\.h": ("libev", r"^proxy/(net|supervisor|worker|housekeeper)/"),
    r"libp11": ("libp11", r"^pkcs11/"),
    r"p11-kit": ("p11-kit", r"^(pkcs11|conf)/"),
    r"libconfig\.h": ("libconfig", r"^conf/"),
    r"microhttpd": ("libmicrohttpd", r"^proxy/housekeeper/"),
    r"seccomp\.h": ("libseccomp", r"^proxy/worker/"),
}
# Written so that the words do not stand here themselves.
LEFTOVERS = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b|not (yet )?i[m]plemented|place[h]older|for n[o]w\b", re.IGNORECASE)
UNSAFE = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|sscanf|alloca)\s*\(")
SLEEPS = {".py": re.compile(r"\btime\.sleep\b|\bimport sleep\b"), ".c": re.compile(r"\b(sleep|usleep|nanosleep)\s*\(")}
WEAK = re.compile(r"\bassert\s+True\b|\bassert_true\s*\(\s*(true|1)\s*\)|\bpytest\.(skip|mark\.skip|xfail|mark\.xfail)\b|\bpass\s*#\s*test")
MACHINE = re.compile(r"(?<![\w./$}])/(work|root|home/\w+|Users)/|py[e]nv")
FUNCTION_LINES_MAX = 70


def limit_lines(path):
    if path.startswith("tests/"):
        return 600
    return 120 if path.endswith(".h") else 450


def long_files(root):
    for path in filter(tree.is_c, tree.files(root)):
        count = len(tree.lines(path, root))
        if count > limit_lines(path):
            yield f"{path}: {count} lines, more than {limit_lines(path)}: it holds two things"


def long_functions(root):
    sources = [path for path in tree.files(root) if path.endswith(".c") and not path.startswith("tests/")]
    if not sources:
        return
    command = ["ctags", "-f", "-", "--fields=+ne", "--kinds-C=f", *sources]
    tags = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    for tag in tags.splitlines():
        start, end = re.search(r"\tline:(\d+)", tag), re.search(r"\tend:(\d+)", tag)
        if start and end and int(end[1]) - int(start[1]) + 1 > FUNCTION_LINES_MAX:
            name, path = tag.split("\t")[:2]
            yield f"{path}:{start[1]}: {name} is longer than {FUNCTION_LINES_MAX} lines"


def third_party_headers(root):
    for path in filter(tree.is_c, tree.files(root)):
        if path.startswith("tests/"):
            continue
        for number, line in tree.lines(path, root):
            for header, (name, home) in HEADER_HOMES.items():
                if re.search(rf"#\s*include\s*<{header}", line) and not re.search(home, path):
                    yield f"{path}:{number}: {name} is included only in {home}"


def line_of(root, finding):
    path, number = finding.split(":")[:2]
    return tree.lines(path, root)[int(number) - 1][1]


def matching(root, wanted, pattern, what):
    for path in filter(wanted, tree.files(root)):
        for number, line in tree.lines(path, root):
            hit = pattern.search(line)
            if hit:
                yield f"{path}:{number}: {what}: {hit[0].strip()}"


def leftovers(root):
    def wanted(path):
        return not path.endswith((".der", ".bin")) and not path.startswith("tests/fuzz/corpus/")

    # HTTP's words for its code 501 are no leftover.
    return (hit for hit in matching(root, wanted, LEFTOVERS, "leftover") if "501" not in line_of(root, hit))


def unsafe_calls(root):
    return matching(root, lambda path: path.endswith(".c") and not path.startswith("tests/"), UNSAFE, "unsafe call")


def sleeps(root):
    for ending, pattern in SLEEPS.items():
        def wanted(path, ending=ending):
            # The fake token's work is to be slow.
            return path.startswith("tests/") and path.endswith(ending) and not path.startswith("tests/fake/")
        yield from matching(root, wanted, pattern, "a test waits for an event, it does not sleep")


def weak_tests(root):
    return matching(root, lambda path: path.startswith("tests/") and path.endswith((".py", ".c")), WEAK, "cannot fail")


def build_machine_paths(root):
    def wanted(path):
        return not path.startswith("tests/fuzz/corpus/")

    return matching(root, wanted, MACHINE, "a path of one machine")


def executable_scripts(root):
    for path in tree.files(root):
        with open(os.path.join(root, path), "rb") as file:
            is_script = file.read(2) == b"#!"
        is_executable = os.access(os.path.join(root, path), os.X_OK)
        if is_script != is_executable:
            yield f"{path}: " + ("begins with #! and is not executable" if is_script else "executable without #!")


CHECKS = (long_files, long_functions, third_party_headers, leftovers, unsafe_calls, sleeps, weak_tests,
          build_machine_paths, executable_scripts)


def findings(root=tree.ROOT):
    return [finding for check in CHECKS for finding in check(root)]
