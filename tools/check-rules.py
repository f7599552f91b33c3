#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what the design promises and a compiler does not see.

check-rules.py --build DIR [--cc CC] [--clang-format PROGRAM] [RULE]...
check-rules.py --selftest [--cc CC]    every rule must find what is planted in a small bad tree, and nothing in a good one

Run from the top of the tree, with the library built in DIR. Each line printed is one breach: "rule: where: what".
Exit: 0 none, 1 some, 2 bad usage.
"""

import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

# --- the design, as tables -----------------------------------------------------------------------------------------------------------

LEAVES = {"codec", "pki", "store"}

# Which rooms of lib/ a room may include from, besides itself and include/dps.
ROOMS = {
    "codec": set(),
    "pki": {"codec"},
    "store": {"codec"},
    "coap": LEAVES,
    "plgd": LEAVES | {"coap"},
    "hub": LEAVES | {"coap"},
    "client": LEAVES,  # services are pluggable: no flow is known here; of the hub session its public header only
}

# Which rooms of lib/ a port may include from: one that shares a third-party library with a leaf need not write its helpers twice.
PORTS = {"mbedtls": {"pki", "codec"}, "tpm2": {"pki", "codec"}}

# Public headers that only these rooms may include: a service's own, and layouts of rooms above.
PUBLIC_OF = {
    "dps/plgd.h": {"plgd"},
    "dps/client.h": {"client"},
    "dps/detail/client.h": {"client"},
    "dps/hub.h": {"hub", "client"},
    "dps/hub_config.h": {"hub", "client"},
    "dps/detail/hub.h": {"hub", "client"},
    "dps/online.h": {"client"},
    "dps/detail/coap.h": {"coap", "plgd", "hub"},
}

# Freestanding headers and string.h.
PLAIN = {"<stdbool.h>", "<stddef.h>", "<stdint.h>", "<stdalign.h>", "<stdarg.h>", "<limits.h>", "<inttypes.h>", "<string.h>", "<assert.h>"}

# Third-party headers and who may include them, below lib/ and port/.
THIRD_PARTY = [
    (re.compile(r"<(mbedtls|psa)/"), {"lib/pki", "port/mbedtls", "port/psa"}),
    (re.compile(r"<cbor(\.h|/)"), {"lib/codec"}),
    (re.compile(r"<(coap3?/|coap3?\.h|coap_\w+\.h|libcoap\.h)"), {"lib/coap"}),
    (re.compile(r"<tss2/"), {"port/tpm2"}),
    (re.compile(r"<ares"), {"port/posix"}),
]

# Undefined symbols of lib/: what every room may use, and what libraries by room. The parts of libcbor and libcoap named here use no heap.
UNDEFINED_ALL = re.compile(
    r"dps_\w+"
    r"|mem(cpy|move|set|cmp|chr)|str(len|nlen|cmp|ncmp|chr|rchr|spn|cspn|str)"
    r"|__stack_chk_fail|__(mem|str)\w+_chk|_GLOBAL_OFFSET_TABLE_|__(u?(div|mod)[sdt]i\d|aeabi_\w+)"
)
UNDEFINED_ROOM = {
    "codec": re.compile(r"cbor_stream_decode|cbor_encode_\w+|cbor_empty_callbacks"),
    "coap": re.compile(r"coap_opt_(encode|encode_size|setheader|parse)|coap_(encode|decode)_var_\w+"),
    "pki": re.compile(r"mbedtls_\w+"),
}

SOURCE_FOLDERS = ["include", "lib", "port", "examples", "test", "tools", "mk", ".ci"]
SOURCE_FILES = ["Makefile", "Kconfig"]
DATA_FOLDERS = ("test/vectors", "test/fuzz/corpus")

# --- helpers -------------------------------------------------------------------------------------------------------------------------


class Tree:
    def __init__(self, build, cc, clang_format):
        self.build, self.cc, self.clang_format = build, cc, clang_format

    def objects(self, top):
        return sorted(glob.glob(f"{self.build}/{top}/*/*.o"))

    def room(self, path):
        """build/lib/coap/x.o or lib/coap/x.c -> coap"""
        return os.path.basename(os.path.dirname(path))


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", check=False)


def output(*command):
    result = run(*command)
    if result.returncode != 0:
        sys.exit(f"check-rules.py: {' '.join(command[:2])} ...: {result.stderr.strip()}")
    return result.stdout


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def sources():
    """Everything that is written by hand."""
    found = [path for path in SOURCE_FILES if os.path.exists(path)]
    for top in SOURCE_FOLDERS:
        for folder, folders, files in os.walk(top):
            folders[:] = [f for f in folders if f != "__pycache__" and not os.path.join(folder, f).startswith(DATA_FOLDERS)]
            found += [os.path.join(folder, f) for f in files]
    return sorted(found)


def c_sources(*tops):
    return [p for p in sources() if p.endswith((".c", ".h")) and p.split(os.sep)[0] in (tops or SOURCE_FOLDERS)]


def without_comments(text):
    """The code with comments and strings blanked, lines kept."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match[0]) if match[0].startswith("/") else '""'

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.DOTALL)


def symbol_table(path):
    """(section, name, is_global) of each symbol."""
    for line in output("objdump", "-t", path).splitlines():
        match = re.match(r"[0-9a-f]{8,} (.{7}) (\S+)\s+[0-9a-f]{8,}(?: \.\w+)? (\S+)$", line)
        if match:
            yield match[2], match[3], "g" in match[1] or "w" in match[1] or "u" in match[1]


# --- the rules -----------------------------------------------------------------------------------------------------------------------


def rule_undefined(tree):
    """lib/ uses nothing but itself, mem and str functions, and its room's library: no heap, no sockets, no time."""
    for path in tree.objects("lib"):
        own = UNDEFINED_ROOM.get(tree.room(path))
        for section, name, _ in symbol_table(path):
            if section == "*UND*" and not UNDEFINED_ALL.fullmatch(name) and not (own and own.fullmatch(name)):
                yield path, f"uses {name}"


def rule_globals(tree):
    """lib/ has no writable globals."""
    for path in tree.objects("lib"):
        for section, name, _ in symbol_table(path):
            data = section.startswith((".data", ".bss", ".tdata", ".tbss")) and not section.startswith(".data.rel.ro")
            if (data or section == "*COM*") and name != section:
                yield path, f"writable global {name}"


def included(path):
    for number, line in enumerate(read(path).splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|(<[^>]+>))', line)
        if match:
            yield number, match[1], match[2]


def port_of(path):
    """The port that a public header of a port belongs to: include/dps/port/tpm2.h and include/dps/port/tpm2_factory.h -> tpm2"""
    return os.path.basename(path).removesuffix(".h").split("_")[0]


def third_party_breach(header, home):
    for pattern, homes in THIRD_PARTY:
        if pattern.match(header) and home not in homes:
            return f"{header} belongs in {' and '.join(sorted(homes))} only"
    return None


def quoted_breach(header, path, top, room):
    """What is wrong with an #include "header"."""
    if header.startswith("dps/port/"):
        return "lib/ never includes from port/" if top == "lib" else None
    if header.startswith("dps/"):
        allowed = PUBLIC_OF.get(header)
        return f"{header} is above {room}" if top == "lib" and allowed is not None and room not in allowed else None
    if os.path.exists(os.path.join(os.path.dirname(path), header)):
        return None
    other = header.split("/")[0]
    if top == "lib":
        if other == room or other in ROOMS[room]:
            return None
        return "lib/ never includes from port/" if os.path.isdir(f"port/{other}") else f"{room} may not know {other}"
    if top == "port":
        return None if other == room or other in PORTS.get(room, ()) else f"port/{room} may not know {other}"
    if top == "examples":
        return "examples use the public headers only"
    return None


def rule_includes(tree):
    """The arrows of the design."""
    for path in c_sources("include", "lib", "port", "examples"):
        parts = path.split(os.sep)
        top, room = parts[0], parts[1]
        home = f"{top}/{room}"
        if path.startswith("include/dps/port/"):
            home = "port/" + port_of(path)
        if top == "lib" and (room not in ROOMS or len(parts) != 3):
            yield path, "not in a room of the design"
            continue
        for number, quoted, angled in included(path):
            where = f"{path}:{number}"
            if quoted:
                breach = quoted_breach(quoted, path, top, room)
            elif top == "examples":
                breach = None
            else:
                breach = third_party_breach(angled, home)
                known = any(pattern.match(angled) for pattern, _ in THIRD_PARTY)
                public = top == "include" and not path.startswith("include/dps/port/")
                if (top == "lib" or public) and not known and angled not in PLAIN:
                    breach = f"{angled} is no header for {'lib/' if top == 'lib' else 'the public API'}"
            if breach:
                yield where, breach


def rule_prefix(tree):
    """Every global symbol of lib/ and port/ begins with dps_: they live in other people's programs."""
    for path in tree.objects("lib") + [p for p in tree.objects("port") if tree.room(p) != "template"]:
        for section, name, is_global in symbol_table(path):
            if is_global and section not in ("*UND*", "*ABS*") and not name.startswith("dps_"):
                yield path, f"global symbol {name}"


def api_functions():
    """(path, line number, name, lines) of each function declared with DPS_API."""
    for path in c_sources("include"):
        lines = read(path).splitlines()
        for i, line in enumerate(lines):
            match = re.match(r"DPS_API\b[^;(]*?\b(\w+)\(", line)
            if match:
                yield path, i, match[1], lines


def rule_exports(tree):
    """libdps.so exports what the public headers declare, and nothing else."""
    library = f"{tree.build}/libdps.so"
    exported = {line.split()[-1] for line in output("nm", "-D", "--defined-only", library).splitlines()}
    declared = {}
    for path, i, name, _ in api_functions():
        port = port_of(path) if path.startswith("include/dps/port/") else None
        if not port or glob.glob(f"{tree.build}/port/{port}/*.o"):
            declared[name] = f"{path}:{i + 1}"
    for name in sorted(exported - set(declared)):
        yield library, f"exports {name}, which no public header declares with DPS_API"
    for name in sorted(set(declared) - exported):
        yield declared[name], f"{name} is declared, and not in {library}"


def rule_documented(tree):
    """Every public function has a comment of its own, or one above the group of lines it stands in; every public header says what it is for."""
    for path, i, name, lines in api_functions():
        above = i - 1
        while above >= 0 and lines[above].strip() and not lines[above].rstrip().endswith("*/"):
            above -= 1
        end = lines[above] if above >= 0 else ""
        begin = above
        while begin > 0 and "/*" not in lines[begin]:
            begin -= 1
        if not end.rstrip().endswith("*/") or "/**" not in lines[begin]:
            yield f"{path}:{i + 1}", f"{name} has no /** comment"
    for path in c_sources("include"):
        if not path.startswith("include/dps/detail/") and "@file" not in read(path):
            yield path, "no @file comment"


def rule_spdx(tree):
    """Each source names its licence at its head."""
    for path in sources():
        if os.path.basename(path) == ".gitignore" or path.endswith((".md", ".json", ".pem", ".der", ".bin", ".hex", ".txt", ".cbor")):
            continue
        if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(read(path).splitlines()[:3]):
            yield path, "no SPDX line"


def rule_format(tree):
    """clang-format has nothing to change."""
    files = c_sources()
    for start in range(0, len(files), 40):
        result = run(tree.clang_format, "--dry-run", "-Werror", "--style=file", *files[start : start + 40])
        lines = {}
        for match in re.finditer(r"^(\S+?):(\d+):\d+: error:", result.stderr, re.MULTILINE):
            lines.setdefault(match[1], []).append(match[2])
        for path, numbers in lines.items():
            yield f"{path}:{numbers[0]}", f"clang-format -i would change it ({len(numbers)} places)"
        if result.returncode != 0 and "error:" not in result.stderr:
            yield tree.clang_format, result.stderr.strip() or "failed"


def rule_stack(tree):
    """No memory of run-time size on the stack."""
    for path in c_sources("include", "lib", "port"):
        code = without_comments(read(path))
        for match in re.finditer(r"\b(__builtin_)?alloca\b", code):
            yield f"{path}:{code.count(chr(10), 0, match.start()) + 1}", "alloca"
    # Variable length arrays: the compiler knows them best; the Makefile's flags hold -Wvla, and say so for every object.
    if os.path.exists("Makefile") and "-Wvla" not in read("Makefile"):
        yield "Makefile", "compiles without -Wvla"


def call_edges(tree, path, scratch):
    """(caller, callee) of a source, from GCC's own call graph of unoptimised code, where no call is merged away."""
    stem = os.path.join(scratch, path.replace(os.sep, "_"))
    command = [tree.cc, "-std=c11", "-O0", "-w", "-fcallgraph-info", "-Iinclude", "-Ilib", "-isystem", "/usr/include/coap3"]
    result = run(*command, "-c", path, "-o", stem + ".o")
    if result.returncode != 0:
        return path, result.stderr.strip().splitlines()[0] if result.stderr.strip() else "does not compile", []
    edges = re.findall(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', read(stem + ".ci"), re.MULTILINE)
    return path, None, edges


def cycles(graph):
    """Cycles of a graph, found by removing, again and again, what calls nothing that is left."""
    left = {caller: set(callees) for caller, callees in graph.items()}
    while True:
        done = [caller for caller, callees in left.items() if not callees & set(left)]
        if not done:
            break
        for caller in done:
            del left[caller]
    seen = set()
    for start in sorted(left):
        walk = [start]
        while walk[-1] not in seen:
            seen.add(walk[-1])
            walk.append(min(callee for callee in left[walk[-1]] if callee in left))
        if walk[-1] in walk[:-1]:
            yield walk[walk.index(walk[-1]) :]


def rule_recursion(tree):
    """No function of lib/ calls itself, directly or through others. Calls through pointers are not seen."""
    graph = {}
    files = [path for path in c_sources("lib") if path.endswith(".c")]
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, problem, edges in pool.map(lambda p: call_edges(tree, p, scratch), files):
            if problem:
                yield path, problem
            for caller, callee in edges:
                graph.setdefault(caller, set()).add(callee)
    for walk in cycles(graph):
        yield walk[0], "recursion: " + " -> ".join(name.split(":")[-1] for name in walk)


def rule_words(tree):
    """Nothing is left for later in a comment."""
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
    for path in sources():
        for number, line in enumerate(read(path).splitlines(), 1):
            match = words.search(line)
            if match:
                yield f"{path}:{number}", match[0]


RULES = {name[5:]: function for name, function in list(globals().items()) if name.startswith("rule_")}

# --- the self-test: a tree with a breach of each rule -----------------------------------------------------------------------------------

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"

GOOD = {
    "include/dps/result.h": SPDX + "/**\n * @file\n * Results.\n */\n#include \"dps/visibility.h\"\n\n/** Good. */\nDPS_API int dps_good(const char *s);\n"
    "DPS_API int dps_good_too(void);\n",
    "include/dps/visibility.h": SPDX + '/** @file */\n#define DPS_API __attribute__((visibility("default")))\n',
    "lib/codec/good.c": SPDX + '#include "codec/good.h"\n\n#include <string.h>\n\n#include "dps/result.h"\n\n'
    'static const char *const names[] = {"a", "b"};\n\nint dps_good(const char *s)\n{\n\treturn (int)strlen(s) + dps_good_too();\n}\n\n'
    "int dps_good_too(void)\n{\n\treturn names[0][0];\n}\n",
    "lib/codec/good.h": SPDX + "int dps_good(const char *s);\nint dps_good_too(void);\n",
    "port/posix/good.c": SPDX + '#include <unistd.h>\n\n#include "dps/result.h"\n\nvoid dps_posix_good(void)\n{\n\t(void)getpid();\n}\n',
}

# rule -> (files, what must be found). Prototypes instead of includes keep the files small.
BAD = {
    "undefined": (
        {
            "lib/store/heap.c": SPDX + "void *malloc(unsigned long);\nlong time(long *);\nvoid *cbor_load(void);\nvoid mbedtls_x(void);\n\n"
            "long dps_heap(void)\n{\n\tmbedtls_x();\n\treturn time(malloc(1)) + (long)cbor_load();\n}\n"
        },
        ["uses malloc", "uses time", "uses cbor_load", "uses mbedtls_x"],
    ),
    "globals": (
        {
            "lib/store/data.c": SPDX + "int dps_data = 1;\nstatic int dps_bss;\n\nint *dps_where(void)\n{\n\tstatic int counter;\n\n"
            "\tcounter++;\n\treturn counter ? &dps_bss : &dps_data;\n}\n"
        },
        ["writable global dps_data", "writable global dps_bss", "writable global counter"],
    ),
    "includes": (
        {
            "lib/client/arrows.c": SPDX + '#include "plgd/steps.h"\n#include "dps/plgd.h"\n#include "dps/port/posix.h"\n'
            '#include "posix/error.h"\n#include <stdio.h>\n#include <mbedtls/md.h>\n#include <cbor.h>\n',
            "lib/codec/up.c": SPDX + '#include "store/store.h"\n#include <coap3/coap.h>\n',
            "lib/coap/tls.c": SPDX + "#include <mbedtls/ssl.h>\n",
            "port/posix/inner.c": SPDX + '#include "codec/cbor.h"\n#include <tss2/tss2_esys.h>\n',
            "examples/linux-device/inner.c": SPDX + '#include "codec/cbor.h"\n',
            "include/dps/os.h": SPDX + "/** @file */\n#include <pthread.h>\n",
            "lib/attic/room.c": SPDX,
        },
        [
            "client may not know plgd",
            "dps/plgd.h is above client",
            "lib/client/arrows.c:4: lib/ never includes from port/",
            "lib/client/arrows.c:5: lib/ never includes from port/",
            "<stdio.h> is no header for lib/",
            "<mbedtls/md.h> belongs in",
            "<cbor.h> belongs in lib/codec only",
            "codec may not know store",
            "<coap3/coap.h> belongs in lib/coap only",
            "lib/coap/tls.c:2: <mbedtls/ssl.h> belongs in",
            "port/posix may not know codec",
            "<tss2/tss2_esys.h> belongs in port/tpm2 only",
            "examples use the public headers only",
            "<pthread.h> is no header for the public API",
            "not in a room of the design",
        ],
    ),
    "prefix": ({"lib/store/name.c": SPDX + "int other_name(void);\n\nint other_name(void)\n{\n\treturn 1;\n}\n"}, ["global symbol other_name"]),
    "exports": (
        {
            "lib/store/export.c": SPDX + '__attribute__((visibility("default"))) int dps_secret_door(void);\n\nint dps_secret_door(void)\n{\n'
            "\treturn 1;\n}\n",
            "include/dps/missing.h": SPDX + "/** @file */\n\n/** Missing. */\nDPS_API int dps_missing(void);\n",
        },
        ["exports dps_secret_door", "dps_missing is declared, and not in"],
    ),
    "documented": (
        {"include/dps/mute.h": SPDX + "\n/* Not for readers. */\nDPS_API int dps_mute(void);\n\nDPS_API int dps_bare(void);\n"},
        ["dps_mute has no /** comment", "dps_bare has no /** comment", "no @file comment"],
    ),
    "spdx": ({"lib/store/bare.c": "int dps_bare_file;\n", "mk/bare.mk": "all:\n"}, ["lib/store/bare.c: no SPDX line", "mk/bare.mk: no SPDX line"]),
    "format": ({"lib/store/style.c": SPDX + "int   dps_style( void );\n"}, ["lib/store/style.c:2"]),
    "stack": (
        {"lib/store/stack.c": SPDX + "/* alloca is spoken of here */\nvoid *dps_stack(int n);\n\nvoid *dps_stack(int n)\n{\n"
         "\treturn __builtin_alloca(n);\n}\n"},
        ["lib/store/stack.c:7: alloca"],
    ),
    "recursion": (
        {
            "lib/store/self.c": SPDX + "int dps_self(int n);\n\nint dps_self(int n)\n{\n\treturn n ? dps_self(n - 1) : 0;\n}\n",
            "lib/store/ping.c": SPDX + "int dps_ping(int n);\nint dps_pong(int n);\n\nint dps_ping(int n)\n{\n\treturn n ? dps_pong(n - 1) : 0;\n}\n",
            "lib/store/pong.c": SPDX + "int dps_ping(int n);\nint dps_pong(int n);\n\nint dps_pong(int n)\n{\n\treturn dps_ping(n);\n}\n",
        },
        ["recursion: dps_self -> dps_self", "recursion: dps_ping -> dps_pong -> dps_ping"],
    ),
    "words": ({"lib/store/later.c": SPDX + "/* TO" "DO: all of it */\n"}, ["lib/store/later.c:2: TO" "DO"]),
}


def plant(files, cc):
    """Writes and builds a tree in the working directory."""
    for path, text in files.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
    objects = []
    for path in (p for p in files if p.endswith(".c") and p.startswith(("lib/", "port/"))):
        target = "build/" + path[:-2] + ".o"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        command = [cc, "-w", "-fPIC", "-O1", "-fvisibility=hidden", "-Iinclude", "-Ilib"]
        # Sources that include what is not there cannot be compiled, and need not be.
        if run(*command, "-c", path, "-o", target).returncode == 0:
            objects.append(target)
    output(cc, "-shared", "-o", "build/libdps.so", *objects)


def selftest(options):
    style = read(".clang-format") if os.path.exists(".clang-format") else "BasedOnStyle: LLVM\n"
    failures = []
    for rule in [None] + list(BAD):
        files, wanted = BAD.get(rule, ({}, []))
        home = os.getcwd()
        with tempfile.TemporaryDirectory() as scratch:
            os.chdir(scratch)
            try:
                with open(".clang-format", "w", encoding="ascii") as f:
                    f.write(style)
                os.makedirs("port/posix")
                plant({**GOOD, **files}, options.cc)
                tree = Tree("build", options.cc, options.clang_format)
                if rule:
                    found = [f"{where}: {what}" for where, what in RULES[rule](tree)]
                    failures += [f"{rule}: not found: {text}" for text in wanted if not any(text in line for line in found)]
                    failures += [f"{rule}: found in good files: {line}" for line in found if "good" in line]
                else:
                    failures += [f"{name}: found in a good tree: {w}: {what}" for name in RULES for w, what in RULES[name](tree)]
            finally:
                os.chdir(home)
    failures += [f"{name}: has no self-test" for name in RULES if name not in BAD]
    for line in failures:
        print(line)
    print(f"check-rules.py: self-test of {len(RULES)} rules {'failed' if failures else 'passed'}")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--clang-format", default="clang-format")
    parser.add_argument("--selftest", action="store_true")
    parser.add_argument("rules", nargs="*", metavar="RULE", help=", ".join(RULES))
    options = parser.parse_args()
    unknown = [rule for rule in options.rules if rule not in RULES]
    if unknown:
        parser.error(f"no such rule: {unknown[0]}")
    if options.selftest:
        return selftest(options)

    tree = Tree(options.build, options.cc, options.clang_format)
    if not tree.objects("lib"):
        parser.error(f"nothing is built in {options.build}")
    breaches = 0
    for rule in options.rules or RULES:
        for where, what in RULES[rule](tree):
            print(f"{rule}: {where}: {what}")
            breaches += 1
    print(f"check-rules.py: {len(options.rules or RULES)} rules, {breaches} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
