"""What the documents must keep to, so that they cannot rot: maps that are whole, links that lead
somewhere, tables that agree with the sources, man pages that man reads without a warning."""

import os
import re
import subprocess

import tree

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
MAP_ROW = re.compile(r"^\| `([^`]+)` \| \S")
EVENT_ROW = re.compile(r"^\| `([a-z0-9-]+)` \|")
# The event is the first text behind the level, or of the call; it may be one of two: check ? "checked" : "ready".
EVENT_CALL = re.compile(r'(?:\bLOG_LEVEL_\w+|\b(?:log_event|log_begin|session_log)\s*\()[^;"]*"([a-z0-9-]+)"'
                        r'(?:\s*:\s*"([a-z0-9-]+)")?')
# A table of them is called events.
EVENT_TABLE = re.compile(r"\bevents\[\w*\]\s*=\s*\{([^}]*)\}")
REASON = re.compile(r"X\(\w+,\s*\"([a-z-]+)\",\s*\"((?:[^\"\\]|\\.)*)\"\)")
EVENTS = "docs/events.md"
REASONS = "proxy/core/reason.h"
# Those that every reader of a tree knows, and inputs that only their folder names.
UNMAPPED = re.compile(r"^(\.gitignore|\.clang-(format|tidy)|LICENSE|README\.md|(.*/)?CMakeLists\.txt|tests/fuzz/corpus/.*|tests/unit/data/.*)$")


def mapped_paths(root):
    return {row[1]: number for number, line in tree.lines("README.md", root) if (row := MAP_ROW.match(line))}


def covers(entry, path):
    """A row may name a file, or several: proxy/base/buf.{c,h}, tests/unit/*.cmake."""
    choice = re.escape(entry).replace(r"\*", "[^/]*")
    choice = re.sub(r"\\\{([^}]*)\\\}", lambda part: "(" + part[1].replace(",", "|") + ")", choice)
    return re.fullmatch(choice, path) is not None


def map_of_files(root):
    rows, paths = mapped_paths(root), [path for path in tree.files(root) if not UNMAPPED.match(path)]
    for path in paths:
        if not any(covers(entry, path) for entry in rows):
            yield f"README.md: the map does not name {path}"
    for entry, number in rows.items():
        if not any(covers(entry, path) for path in tree.files(root)):
            yield f"README.md:{number}: the map names {entry}, which is not there"


def links(root):
    for path in tree.files(root):
        if not path.endswith(".md"):
            continue
        for number, line in tree.lines(path, root):
            for target in LINK.findall(line):
                if re.match(r"[a-z]+:|#", target):
                    continue
                there = os.path.join(root, os.path.dirname(path), target.split("#")[0])
                if not os.path.exists(there):
                    yield f"{path}:{number}: the link leads nowhere: {target}"


def rows_below(path, heading, root):
    """The names in the first column of the tables below a heading."""
    inside, names = False, []
    for _, line in tree.lines(path, root):
        if line.startswith("#"):
            inside = line.lstrip("# ") == heading
        row = EVENT_ROW.match(line)
        if inside and row:
            names.append(row[1])
    return names


def differences(where, documented, used, what):
    for name in sorted(set(used) - set(documented)):
        yield f"{where}: {what} {name} is missing"
    for name in sorted(set(documented) - set(used)):
        yield f"{where}: {what} {name} is not in the sources"
    for name in sorted({name for name in documented if list(documented).count(name) > 1}):
        yield f"{where}: {what} {name} stands there twice"


def event_names(root):
    names = set()
    for path in tree.files(root):
        if path.endswith(".c") and path.startswith(("proxy/", "pkcs11/", "conf/")) and path != "proxy/base/log.c":
            text = tree.read(path, root)
            names |= {name for call in EVENT_CALL.findall(text) for name in call if name}
            names |= {name for table in EVENT_TABLE.findall(text) for name in re.findall(r'"([a-z0-9-]+)"', table)}
    return names


def events(root):
    yield from differences(EVENTS, rows_below(EVENTS, "Events", root), event_names(root), "event")


def reasons(root):
    table = tree.read(REASONS, root).replace("\\\n", "\n")
    documented = dict(re.findall(r"^\| `([a-z-]+)` \| (.*?) \|$", tree.read(EVENTS, root), re.MULTILINE))
    meanings = dict(REASON.findall(table))
    yield from differences(EVENTS, rows_below(EVENTS, "Reasons", root), meanings, "reason")
    for name, meaning in meanings.items():
        if name in documented and documented[name] != meaning:
            yield f"{EVENTS}: reason {name}: \"{documented[name]}\", in {REASONS}: \"{meaning}\""


def man_pages(root):
    for path in tree.files(root):
        if not re.match(r"docs/man/.*\.[1-8]$", path):
            continue
        command = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path]
        run = subprocess.run(command, cwd=root, capture_output=True, text=True, env={**os.environ, "MANWIDTH": "80"})
        if run.returncode or run.stderr:
            yield f"{path}: {run.stderr.strip() or 'man cannot read it'}"


CHECKS = (map_of_files, links, events, reasons, man_pages)


def findings(root=tree.ROOT):
    return [finding for check in CHECKS for finding in check(root)]
