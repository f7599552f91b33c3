#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""size.py DIR ARM_PREFIX: prints the tables of `make size` from the objects below DIR.

The line "total" is the one of the default configuration on Cortex-M4.
"""

import glob
import os
import re
import subprocess
import sys

GOAL_TEXT = 24 * 1024  # the plgd flow on Cortex-M4, without the hub session
GOAL_RAM = 12 * 1024  # buffers, body area and state with 1,280-byte buffers

# (title, folder, name of the line of sums)
VARIANTS = [
    ("x86-64, -Os, default configuration", "x86-64", "sum"),
    ("Cortex-M4, -Os, default configuration", "cortex-m4", "total"),
    ("Cortex-M4, -Os, smallest configuration (test/size/smallest.h)", "cortex-m4-smallest", "total-smallest"),
]

ARCHIVES = [
    ("libcoap option codec", "libcoap-3-notls.a", "coap_opt_parse"),
    ("Mbed TLS, TLS part", "libmbedtls.a", None),
    ("Mbed TLS, X.509 part", "libmbedx509.a", None),
    ("Mbed TLS, crypto part", "libmbedcrypto.a", None),
]


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout


def sizes(tool, files):
    """Sums of text, data, bss; text has the constants, as Berkeley size counts them."""
    rows = [line.split() for line in output(tool, *files).splitlines()[1:]]
    return tuple(sum(int(row[i]) for row in rows) for i in range(3))


def row(name, numbers):
    print(f"  {name:16}" + "".join(f"{n:9}" for n in numbers))


def print_rooms(title, folder, tool, sum_name):
    print(f"{title}: objects of lib/ only, bytes")
    print(f"  {'room':16}{'text':>9}{'data':>9}{'bss':>9}")
    total = (0, 0, 0)
    flow = 0
    for room in sorted(glob.glob(f"{folder}/lib/*")):
        numbers = sizes(tool, sorted(glob.glob(f"{room}/*.o")))
        total = tuple(a + b for a, b in zip(total, numbers))
        flow += numbers[0] if os.path.basename(room) != "hub" else 0
        row(os.path.basename(room), numbers)
    row(sum_name, total)
    print()
    return flow


def memory(folder, nm):
    symbols = {}
    for line in output(nm, "-S", f"{folder}/test/size/sizes.o").splitlines():
        match = re.match(r"[0-9a-f]+ ([0-9a-f]+) \w size_(\w+)$", line)
        if match:
            symbols[match[2]] = int(match[1], 16)
    return symbols


def print_memory(columns):
    print("Memory of a client with the plgd service, bytes (the caller's; the library has none of its own)")
    print(f"  {'':34}" + "".join(f"{title:>20}" for title, _ in columns))
    for symbol, title in (("client", "sizeof(struct dps_client)"), ("plgd", "sizeof(struct dps_plgd)")):
        print(f"  {title:34}" + "".join(f"{m[symbol]:20}" for _, m in columns))
    print(f"  {'both':34}" + "".join(f"{m['client'] + m['plgd']:20}" for _, m in columns))
    for symbol, title in (("receive", "  receive buffer"), ("send", "  send buffer"), ("body", "  body area")):
        print(f"  {'of it ' + title.strip():34}" + "".join(f"{m[symbol]:20}" for _, m in columns))
    rest = [m["client"] + m["plgd"] - m["receive"] - m["send"] - m["body"] for _, m in columns]
    print(f"  {'of it state':34}" + "".join(f"{n:20}" for n in rest))
    for symbol, title in (("hub", "sizeof(struct dps_hub)"), ("device", "sizeof(struct dps_device)"), ("observer", "of it each observer")):
        print(f"  {title:34}" + "".join(f"{m.get(symbol, 0):20}" for _, m in columns))
    print()


def archive_text(path, symbol):
    """Text of an archive's members, or of the one that defines a symbol."""
    member = None
    for line in output("nm", "-A", "--defined-only", path).splitlines() if symbol else ():
        match = re.match(rf"[^:]+:([^:]+):[0-9a-f]+ T {symbol}$", line)
        member = match[1] if match else member
    rows = [line.split() for line in output("size", path).splitlines()[1:]]
    return sum(int(r[0]) for r in rows if not symbol or r[5] == member)


def print_dependencies():
    print("Beside it, from Debian's packages (x86-64, text of the whole part; a linker takes what is used)")
    for title, name, symbol in ARCHIVES:
        found = glob.glob(f"/usr/lib/*/{name}")
        text = f"{archive_text(found[0], symbol):9}" if found else "  unknown"
        print(f"  {title:24}{text}")
    print(f"  {'libcbor':24}{'unknown':>9}  (a shared library only; the streaming decoder and the encoders of heads are used)")
    print("  On Cortex-M4 the three functions used of libcoap's option codec take 492 bytes.")
    print()


def print_goal(what, number, goal):
    print(f"goal: {what}: at most {goal}, is {number}: {'met' if number <= goal else f'missed by {number - goal}'}")


def main(folder, arm):
    tools = {"x86-64": ""}
    totals = {}
    for title, variant, sum_name in VARIANTS:
        tool = tools.get(variant, arm) + "size"
        totals[variant] = print_rooms(title, f"{folder}/{variant}", tool, sum_name)
    columns = [(variant, memory(f"{folder}/{variant}", tools.get(variant, arm) + "nm")) for _, variant, _ in VARIANTS]
    print_memory(columns)
    print_dependencies()
    smallest = columns[2][1]
    print_goal("text of the plgd flow on Cortex-M4, default configuration", totals["cortex-m4"], GOAL_TEXT)
    print_goal("text of the plgd flow on Cortex-M4, smallest configuration", totals["cortex-m4-smallest"], GOAL_TEXT)
    print_goal("RAM with 1,280-byte buffers", smallest["client"] + smallest["plgd"], GOAL_RAM)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
