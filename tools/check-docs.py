#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that what the pages say is so.

check-docs.py [CHECK]...      checks the tree in the working directory
check-docs.py --selftest      every check must find a breach that is made in a copy of the tree, and none before

Each line printed is one breach: "check: where: what". Exit: 0 none, 1 some, 2 bad usage.
test/unit/test_failures_table.c compares docs/failures.md with the code, in C.
"""

import argparse
import glob
import os
import re
import shutil
import sys
import tempfile

INTEGRATION = "docs/integration.md"
WIRE = "docs/wire-plgd.md"
PROGRAM = "examples/minimal/minimal.c"
# Programs that pages show as they are: (page, program, fewer lines than).
PROGRAMS = [(INTEGRATION, PROGRAM, 60), ("docs/resources.md", "examples/light/light.c", 80)]
REPORTERS = ["examples/linux-device/reporter_json.c", "examples/linux-device/reporter_online.c"]
FIRST_SCREEN = 40

# Folders whose README.md says what they are for.
ROOMS = ["lib", "lib/*/", "port", "examples", "test"]


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def pages():
    return sorted(p for p in glob.glob("**/*.md", recursive=True) if not p.startswith("build"))


def strings(pattern, path):
    return set(re.findall(pattern, read(path)))


def anchors(text):
    """The anchors of a page's headings, made as code hosts make them."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w -]", "", heading).replace(" ", "-"))
    return found


# --- the checks ------------------------------------------------------------------------------------------------------------------------


def check_program():
    """The programs in pages are those that are built, and they are short."""
    for page, path, lines in PROGRAMS:
        program = read(path)
        if program not in re.findall(r"^```c\n(.*?)^```$", read(page), re.MULTILINE | re.DOTALL):
            yield page, f"does not show {path} as it is"
        if len(program.splitlines()) >= lines:
            yield path, f"has {len(program.splitlines())} lines; promised are fewer than {lines}"


def check_events():
    """Events and members that dps-device --json prints are in the integration page, and no other events."""
    text = read(INTEGRATION)
    listed = set(re.findall(r"^\| (?:`DPS_(?:HUB_)?EVENT_\w+`|-) \| `([\w-]+)` \|", text, re.MULTILINE))
    printed = set().union(*(strings(r'reporter_json_new\("([\w-]+)"\)', path) for path in REPORTERS))
    for name in sorted(printed - listed):
        yield INTEGRATION, f"lacks the event {name}"
    for name in sorted(listed - printed):
        yield INTEGRATION, f"has the event {name}, which {' and '.join(REPORTERS)} never print"
    for name in sorted(set().union(*(strings(r'cJSON_Add\w+ToObject\(\w+, "(\w+)"', path) for path in REPORTERS))):
        if f"`{name}`" not in text:
            yield INTEGRATION, f"lacks the member {name}"
    types = strings(r"\b(DPS_EVENT_\w+),? ", "include/dps/event.h")
    types |= strings(r"\b(DPS_HUB_EVENT_\w+),? ", "include/dps/hub_config.h") - {"DPS_HUB_EVENT_STATE"}
    for name in sorted(types - set(re.findall(r"^\| `(DPS_(?:HUB_)?EVENT_\w+)`", text, re.MULTILINE))):
        yield INTEGRATION, f"lacks {name}"


def check_wire():
    """Paths and fields that the steps ask for are in the wire page, and no other paths."""
    text = read(WIRE)
    used = set()
    keys = {}
    for path in sorted(glob.glob("lib/plgd/*.[ch]")):
        used |= strings(r'\.path = "([^"]+)"', path)
        keys.update((key, path) for key in strings(r'"([^"]+)", DPS_FIELD_', path))
    for key, path in sorted(keys.items()):
        if not re.search(rf"`(?:\{{[^`]*)?{re.escape(key)}\b", text):
            yield WIRE, f"lacks the field {key} of {path}"
    if not keys:
        yield "lib/plgd", "no fields were found: this check must learn how they are written now"
    listed = set(re.findall(r"(?:GET|POST) `(/(?:api|x\.plgd)[^`]*)`", text))
    for path in sorted(used - listed):
        yield WIRE, f"lacks {path}"
    for path in sorted(listed - used):
        yield WIRE, f"has {path}, which no step asks for"


def check_links():
    """Links between pages lead somewhere, to a heading too if they name one."""
    for page in pages():
        for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if not os.path.exists(path):
                yield page, f"links to {target}, which is not there"
            elif anchor and path.endswith(".md") and anchor not in anchors(read(path)):
                yield page, f"links to {target}, where there is no such heading"


def check_files():
    """Files and folders that pages name in back quotes exist."""
    for page in pages():
        for name in re.findall(r"`((?:lib|port|include|examples|test|tools|docs|mk)/[\w./-]+)`", read(page)):
            if not os.path.exists(name) and not os.path.exists(os.path.join("include", name)):
                yield page, f"names {name}, which is not there"


def check_targets():
    """Make targets that pages name exist."""
    rules = read("Makefile") + "".join(read(path) for path in glob.glob("mk/*.mk"))
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", rules, re.MULTILINE))
    for page in pages():
        for name in re.findall(r"(?:`|^)make ([a-z][a-z0-9-]*)\b(?!/)", read(page), re.MULTILINE):
            if name not in targets:
                yield page, f"names make {name}, which is no target"


def check_knobs():
    """Knobs and public functions that pages name exist."""
    headers = "".join(read(path) for path in glob.glob("include/**/*.h", recursive=True))
    for page in pages():
        for name in sorted(set(re.findall(r"`(DPS_[A-Z0-9_]+|dps_\w+)(?:\(\))?`", read(page)))):
            if not re.search(rf"\b{name}\b", headers) and not re.search(rf"\b{name}\b", "".join(read(p) for p in glob.glob("lib/*/*.h"))):
                yield page, f"names {name}, which is in no header"


def check_rooms():
    """Every room says what it is for."""
    for pattern in ROOMS:
        for folder in glob.glob(pattern):
            if not os.path.exists(os.path.join(folder, "README.md")):
                yield folder, "has no README.md"


def check_front():
    """The first screen of README.md has the two commands; the change log knows the version."""
    first = "\n".join(read("README.md").splitlines()[:FIRST_SCREEN])
    for command in ("make demo", "make check"):
        if command not in first:
            yield "README.md", f"{command} is not in its first {FIRST_SCREEN} lines"
    version = re.search(r'DPS_VERSION_STRING "([^"]+)"', read("include/dps/version.h"))[1]
    if f"## [{version}]" not in read("CHANGELOG.md"):
        yield "CHANGELOG.md", f"knows no version {version}"


CHECKS = {name[6:]: function for name, function in list(globals().items()) if name.startswith("check_")}

# --- the self-test: each check must notice a change ---------------------------------------------------------------------------------------

# check -> (file, what is replaced, by what); None as the text to replace: the file is removed.
BREACHES = {
    "program": (PROGRAM, "int main", "int  main"),
    "events": (REPORTERS[0], 'reporter_json_new("committed")', 'reporter_json_new("durable")'),
    "wire": ("lib/plgd/owner.c", "provisioning/ownership", "provisioning/owner"),
    "links": ("docs/failures.md", None, None),
    "files": ("lib/client/policy.h", None, None),
    "targets": ("mk/demo.mk", "demo:", "show:"),
    "knobs": ("include/dps/client.h", "dps_client_read_owner", "dps_client_read_owned"),
    "rooms": ("lib/store/README.md", None, None),
    "front": ("README.md", "make demo", "make it"),
}


def breach(path, old, new):
    if old is None:
        os.remove(path)
        return
    text = read(path)
    if old not in text:
        sys.exit(f"check-docs.py: self-test: {path} has no {old!r}")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))


def selftest():
    failures = []
    home = os.getcwd()
    with tempfile.TemporaryDirectory() as scratch:
        good = os.path.join(scratch, "good")
        shutil.copytree(".", good, ignore=shutil.ignore_patterns("build*", ".git", "corpus", "__pycache__"), symlinks=True)
        for name, check in CHECKS.items():
            tree = os.path.join(scratch, name)
            shutil.copytree(good, tree, symlinks=True)
            os.chdir(tree)
            before = list(check())
            breach(*BREACHES[name])
            if list(check()) == before:
                failures.append(f"{name}: does not notice that {BREACHES[name][0]} was changed")
            os.chdir(home)
    for line in failures:
        print(line)
    print(f"check-docs.py: self-test of {len(CHECKS)} checks {'failed' if failures else 'passed'}")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--selftest", action="store_true")
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=", ".join(CHECKS))
    options = parser.parse_args()
    unknown = [name for name in options.checks if name not in CHECKS]
    if unknown:
        parser.error(f"no such check: {unknown[0]}")
    if options.selftest:
        return selftest()

    breaches = 0
    for name in options.checks or CHECKS:
        for where, what in CHECKS[name]():
            print(f"{name}: {where}: {what}")
            breaches += 1
    print(f"check-docs.py: {len(options.checks or CHECKS)} checks, {breaches} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
