"""Prints what a child can do whose parent has a session, has closed it, or failed to open it."""

import contextlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
import zenoh_pinned

from forks import child, error_of
from meeting import ALONE

parent = sys.argv[1]

if parent == "failed":
    with contextlib.suppress(ConnectionError):
        zenoh_pinned.Session({**ALONE, "listen": {"endpoints": ["tcp/192.0.2.1:1"]}})
else:
    session = zenoh_pinned.Session(ALONE)
if parent == "closed":
    session.close()


def work():
    return [error_of(lambda: zenoh_pinned.Session(ALONE)), error_of(lambda: zenoh_pinned.Pool(4096))]


print(json.dumps(child(work)))
