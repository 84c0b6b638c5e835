"""An unmodified zenoh subscriber that holds the first messages it receives, as many as it is told."""

import sys
import threading

import zenoh

from stock_zenoh import connecting

port, key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
held = []
enough = threading.Event()


def keep(sample):
    if len(held) < count:
        held.append(sample)
    if len(held) == count:
        enough.set()


with zenoh.open(connecting(port)) as session:
    subscriber = session.declare_subscriber(key, keep)
    print("listening", flush=True)
    enough.wait()
    print("holds", flush=True)
    threading.Event().wait()
