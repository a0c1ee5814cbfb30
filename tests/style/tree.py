"""The files of the project, as every style check sees them: what a clone has, without what a build makes."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MADE = {".git", "build", "__pycache__", ".pytest_cache"}


def files(root=ROOT):
    """Paths relative to root, sorted."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in MADE)
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)


def read(path, root=ROOT):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def lines(path, root=ROOT):
    return list(enumerate(read(path, root).splitlines(), 1))


def is_c(path):
    return path.endswith((".c", ".h"))


def report(findings):
    """Prints each finding and ends the process: 0 when there is none."""
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings")
    sys.exit(1 if findings else 0)
