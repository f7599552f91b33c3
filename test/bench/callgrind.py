# SPDX-License-Identifier: Apache-2.0
"""Reads what valgrind --tool=callgrind writes: instructions, exclusive, by object and source file.

The format is line by line. "ob=", "fl=" and "fn=" name the object, file and function that the cost lines behind them belong to, "fi=" and
"fe=" another file of the same function (what was inlined). A name may be written "(number) name" once and "(number)" later. A "calls="
line is followed by one line with the inclusive cost of the call, which is counted where it was spent and must not be counted again.
"""

import collections
import re

NAME = re.compile(r"\((\d+)\)(?: (.*))?")


class Names:
    """The names of one kind and their numbers."""

    def __init__(self):
        self.known = {}

    def resolve(self, text):
        match = NAME.fullmatch(text)
        if not match:
            return text
        number, name = match.groups()
        if name is not None:
            self.known[number] = name
        return self.known[number]


def read_costs(path):
    """{(object, source file): instructions}; raises ValueError when their sum is not what the file says it is."""
    objects, files = Names(), Names()
    costs = collections.Counter()
    current_object = current_file = "???"
    stated = None
    skip = False
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            line = line.rstrip("\n")
            if line[:1].isdigit() or line[:1] in "+-*":
                cost = line.split()[1:2]  # a cost of zero may be left out
                if cost and not skip:
                    costs[current_object, current_file] += int(cost[0])
                skip = False
            elif line.startswith("ob="):
                current_object = objects.resolve(line[3:])
            elif line.startswith(("fl=", "fi=", "fe=")):
                current_file = files.resolve(line[3:])
            elif line.startswith("cob="):
                objects.resolve(line[4:])
            elif line.startswith(("cfi=", "cfl=")):
                files.resolve(line[4:])
            elif line.startswith("calls="):
                skip = True
            elif line.startswith(("summary:", "totals:")):
                stated = int(line.split()[1])
    if stated != sum(costs.values()):
        raise ValueError(f"{path}: the lines add up to {sum(costs.values())}, the file says {stated}")
    return costs
