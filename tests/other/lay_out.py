#!/usr/bin/env python3
"""Writes src/engine/xdp/abi.h as another version of weir might have it: the tables' rows have a member more in front,
so that all others move, and sizes that differ. Usage: lay_out.py abi.h OUT"""
import re
import sys

ROWS = ["key", "frontend", "target", "name", "counter", "totals", "generation", "state"]

text = open(sys.argv[1]).read()
for row in ROWS:
    text, found = re.subn(rf"^struct weir_{row} {{$", rf"\g<0>\n    __u64 of_another_version;", text, flags=re.M)
    if found != 1:
        sys.exit(f"{sys.argv[1]} has no struct weir_{row}")
text, found = re.subn(r"^#define WEIR_ASSERT_SIZE\(type, size\).*", "#define WEIR_ASSERT_SIZE(type, size) \\\n"
                      "    struct weir_size_is_its_own", text, flags=re.M)
if found != 2:
    sys.exit(f"{sys.argv[1]} checks its sizes in another way")
open(sys.argv[2], "w").write(text)
