#!/usr/bin/env python3
"""Checks that includes point one way: a folder sees only what its row names (doc/architecture.md). Exit 1 with the lines that do not."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORE = {"base", "net", "proto", "model"}
ALLOWED = {
    "base": set(),
    "net": {"base"},
    "proto": {"base", "net"},
    "model": {"base", "net"},
    "sched": {"base", "net", "model"},
    "config": {"base", "net", "model"},
    "health": CORE,
    "doctor": {"base", "net", "model"},
    "announce": CORE,
    # lists may be YAML, which config reads from untrusted bytes
    "discovery": CORE | {"config/document.h"},
    "sync": CORE,
    "engine": CORE | {"sched"},
    # control sees interfaces only, never a concrete check or engine
    "control": CORE | {"sched", "config", "health/checker.h", "health/probe.h", "engine/engine.h", "discovery/source.h", "announce/announcer.h", "announce/bgp_report.h", "sync/report.h"},
    "admin": CORE | {"control", "engine/capture.h"},
    # its values are control's events; it speaks TLS by the checks' connection
    "alert": CORE | {"control/herald.h", "control/json.h", "health/connection.h", "health/tls.h"},
    "cli": CORE | {"config", "sched", "control", "admin", "doctor", "lab", "engine/replay.h", "discovery/source.h"},
    "app": None,
    "lab": CORE,
    "tests": None,
    "bench": None,
    "fuzz": None,
    "tools": set(),
}
# A test beside the code, and what tests share, may use fakes and the parts that it puts together.
TEST_EXTRA = {"control": {"engine/fake.h", "discovery/fake.h", "announce/fake.h"}, "admin": {"engine/fake.h", "engine/fake_capturing.h", "health/checker.h", "health/probe.h"}}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def allowed(folder, path, target):
    rule = ALLOWED[folder]
    if rule is None:
        return True
    if path.stem.endswith(("_test", "_fixture")):
        rule = rule | TEST_EXTRA.get(folder, set())
    top = target.split("/")[0]
    return top == folder or top in rule or target in rule


def main():
    bad = []
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if path.suffix not in (".h", ".cc", ".c", ".def") or parts[0] in ("build", ".git"):
            continue
        folder = parts[1] if parts[0] == "src" else parts[0]
        if folder not in ALLOWED:
            if parts[0] in ("examples", "include"):
                continue
            bad.append(f"{path.relative_to(ROOT)}: folder '{folder}' has no row in tools/layers.py")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if not found or found[1].endswith(".skel.h") or "/" not in found[1]:
                continue
            if not allowed(folder, path, found[1]):
                bad.append(f"{path.relative_to(ROOT)}:{number}: {folder} must not include {found[1]}")
    print("\n".join(bad) if bad else "layers: every include points the right way")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
