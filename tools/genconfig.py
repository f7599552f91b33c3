#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kconfig and include/dps/config.h.

genconfig.py header KCONFIG DOTCONFIG OUT   writes the header that DPS_CONFIG_FILE names
genconfig.py defconfig KCONFIG DOTCONFIG    writes a .config of defaults
genconfig.py drift KCONFIG CONFIG_H CC      compares the two, then compiles values inside and outside of each range

Exit: 0 well, 1 not well, 2 bad usage.
"""

import os
import re
import subprocess
import sys
import tempfile

try:
    import kconfiglib
except ImportError:
    sys.exit("genconfig.py: python3-kconfiglib is missing (make deps-check), or PYTHON is not the system's python3")

PREFIX = "DPS_"
MACRO = "DPS_CONFIG_"

KNOB = re.compile(
    r"/\*\*(?P<comment>(?:(?!\*/).)*)\*/\s*"
    r"#ifndef DPS_CONFIG_(?P<name>\w+)\n"
    r"#define DPS_CONFIG_(?P<defined>\w+) (?P<value>\S+)\n"
    r"#endif\n",
    re.DOTALL,
)
COMMENT_RANGE = re.compile(r"Range (\d+)\s*to\s*(\d+)")
CHECK_RANGE = re.compile(r"#if DPS_CONFIG_(\w+) < (\d+) \|\| DPS_CONFIG_(\w+) > (\d+)\n#error")
CHECK_BOOL = re.compile(r"#if DPS_CONFIG_(\w+) != 0 && DPS_CONFIG_(\w+) != 1\n#error")


class Knob:
    """One knob: an int with its range, or a switch (low and high are None)."""

    def __init__(self, value, low, high):
        self.value, self.low, self.high = value, low, high

    def __eq__(self, other):
        return (self.value, self.low, self.high) == (other.value, other.low, other.high)

    def __str__(self):
        kind = "switch" if self.low is None else f"range {self.low} to {self.high}"
        return f"default {self.value}, {kind}"


def load_kconfig(path):
    kconfig = kconfiglib.Kconfig(path, warn_to_stderr=False)
    if kconfig.warnings:
        sys.exit("\n".join(kconfig.warnings))
    return kconfig


def symbols(kconfig):
    return [s for s in kconfig.unique_defined_syms if s.name.startswith(PREFIX)]


def number(symbol):
    if symbol.orig_type == kconfiglib.BOOL:
        return "1" if symbol.tri_value else "0"
    return symbol.str_value


def header(kconfig_path, dotconfig, out):
    kconfig = load_kconfig(kconfig_path)
    kconfig.load_config(dotconfig)
    if kconfig.warnings:
        sys.exit(f"{dotconfig}:\n" + "\n".join(kconfig.warnings))
    lines = [
        "/* Made by tools/genconfig.py from .config: change it with `make menuconfig`. */",
        "#ifndef DPS_GENERATED_CONFIG_H",
        "#define DPS_GENERATED_CONFIG_H",
        "",
    ]
    lines += [f"#define {MACRO}{s.name[len(PREFIX):]} {number(s)}" for s in symbols(kconfig)]
    lines += ["", "#endif", ""]
    with open(out, "w", encoding="ascii") as f:
        f.write("\n".join(lines))


def defconfig(kconfig_path, dotconfig):
    kconfig = load_kconfig(kconfig_path)
    print(kconfig.write_config(dotconfig))


def knobs_of_kconfig(path):
    knobs = {}
    for symbol in symbols(load_kconfig(path)):
        low = high = None
        if symbol.orig_type == kconfiglib.INT:
            if len(symbol.ranges) != 1:
                sys.exit(f"{path}: {symbol.name} needs one range")
            low, high = (int(bound.name) for bound in symbol.ranges[0][:2])
        if not any(node.help for node in symbol.nodes):
            sys.exit(f"{path}: {symbol.name} has no help text")
        knobs[symbol.name[len(PREFIX):]] = Knob(int(number(symbol)), low, high)
    return knobs


def knobs_of_header(path):
    """What config.h says three times over: in comments, as defaults and in its range checks."""
    with open(path, encoding="ascii") as f:
        text = f.read()
    complaints = []
    knobs = {}
    for match in KNOB.finditer(text):
        name = match["name"]
        # Comments break lines with " * " in front.
        stated = COMMENT_RANGE.search(re.sub(r"\n[ \t]*\*?[ \t]*", " ", match["comment"]))
        low, high = (int(stated[1]), int(stated[2])) if stated else (None, None)
        if match["defined"] != name:
            complaints.append(f"{path}: #ifndef {MACRO}{name} guards the definition of {MACRO}{match['defined']}")
        knobs[name] = Knob(int(match["value"], 0), low, high)
    for name in sorted(set(re.findall(r"#define DPS_CONFIG_(\w+) ", text)) - set(knobs)):
        complaints.append(f"{path}: {MACRO}{name} has no comment, or not the form of the others")
    checked = {m[1]: (int(m[2]), int(m[4])) for m in CHECK_RANGE.finditer(text) if m[1] == m[3]}
    checked.update({m[1]: (None, None) for m in CHECK_BOOL.finditer(text) if m[1] == m[2]})
    for name, knob in knobs.items():
        if name not in checked:
            complaints.append(f"{path}: no #error for {MACRO}{name} out of range")
        elif checked[name] != (knob.low, knob.high):
            complaints.append(f"{path}: {MACRO}{name}: comment and #error differ in the range")
    return knobs, complaints


def accepts(compiler, include, definition):
    command = [compiler, "-fsyntax-only", "-x", "c", "-I", include, f"-D{definition}", "-include", "dps/config.h", os.devnull]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def drift(kconfig_path, config_h, compiler):
    ours, complaints = knobs_of_header(config_h)
    theirs = knobs_of_kconfig(kconfig_path)
    for name in sorted(set(ours) | set(theirs)):
        if name not in theirs:
            complaints.append(f"{kconfig_path}: {PREFIX}{name} is missing")
        elif name not in ours:
            complaints.append(f"{config_h}: {MACRO}{name} is missing")
        elif ours[name] != theirs[name]:
            complaints.append(f"{name}: {config_h} has {ours[name]}; {kconfig_path} has {theirs[name]}")

    include = os.path.dirname(os.path.dirname(config_h))
    for name, knob in sorted(ours.items()):
        low, high = (0, 1) if knob.low is None else (knob.low, knob.high)
        for value, wanted in ((low - 1, False), (low, True), (high, True), (high + 1, False)):
            if accepts(compiler, include, f"{MACRO}{name}={value}") != wanted:
                complaints.append(f"{config_h}: {MACRO}{name}={value} is {'refused' if wanted else 'accepted'} by the compiler")

    # The defaults, taken through .config and the generated header, must be accepted and be those of config.h.
    with tempfile.TemporaryDirectory() as scratch:
        dotconfig, generated = os.path.join(scratch, "config"), os.path.join(scratch, "generated.h")
        load_kconfig(kconfig_path).write_config(dotconfig)
        header(kconfig_path, dotconfig, generated)
        with open(generated, encoding="ascii") as f:
            made = dict(re.findall(r"#define DPS_CONFIG_(\w+) (\d+)", f.read()))
        if made != {name: str(knob.value) for name, knob in ours.items()}:
            complaints.append(f"the header generated from defaults differs from {config_h}")
        if not accepts(compiler, include, f'DPS_CONFIG_FILE="{generated}"'):
            complaints.append(f"the header generated from defaults is refused by {config_h}")

    if complaints:
        sys.exit("\n".join(complaints))
    print(f"{len(ours)} knobs: Kconfig and config.h agree")


COMMANDS = {"header": (header, 3), "defconfig": (defconfig, 2), "drift": (drift, 3)}


def main(arguments):
    command, count = COMMANDS.get(arguments[0] if arguments else "", (None, -1))
    if len(arguments) - 1 != count:
        print(__doc__, file=sys.stderr)
        return 2
    command(*arguments[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
