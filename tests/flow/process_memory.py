"""What a process has in its memory (/proc/PID/mem, as root)."""

import re

# A sanitizer's tables about memory: terabytes of nothing, and no copy of what is in it.
SHADOW_BYTES = 1 << 32


def mappings(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        return maps.read()


def pieces(pid):
    """(where it begins, its bytes) of each readable mapping."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as whole:
        for line in mappings(pid).splitlines():
            addresses, rights = line.split()[:2]
            if "r" not in rights or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            start, end = (int(address, 16) for address in addresses.split("-"))
            if end - start > SHADOW_BYTES:
                continue
            try:
                whole.seek(start)
                piece = whole.read(end - start)
            except OSError:
                continue  # it went away meanwhile
            yield start, piece


def holds(pid, text):
    return any(text.encode() in piece for _, piece in pieces(pid))


def flags_where(pid, text):
    """The kernel's flags (proc(5), VmFlags) of each mapping that holds the text, as a set each."""
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as smaps:
        flags = {int(start, 16): set(words.split()) for start, words in
                 re.findall(r"^([0-9a-f]+)-[0-9a-f]+ .*?^VmFlags: (.*?)$", smaps.read(), re.MULTILINE | re.DOTALL)}
    return [flags[start] for start, piece in pieces(pid) if text.encode() in piece]
