"""What a node tells the test."""

import json
import os
from pathlib import Path


def note(**entry):
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(json.dumps(entry) + "\n")


def mapping_of(address):
    """The file that is mapped at an address, and the address's offset in a page."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, last = (int(bound, 16) for bound in line.split()[0].split("-"))
        if first <= address < last:
            return line.split(maxsplit=5)[5] if len(line.split()) > 5 else ""
    return ""
