"""An unmodified zenoh subscriber that holds the first messages it receives, as many as it is told."""

import sys
import threading

import zenoh

port, key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
config = zenoh.Config()
config.insert_json5("connect/endpoints", f'["tcp/127.0.0.1:{port}"]')
config.insert_json5("listen/endpoints", "[]")
config.insert_json5("scouting/multicast/enabled", "false")
config.insert_json5("transport/shared_memory/enabled", "true")
held = []
enough = threading.Event()


def keep(sample):
    if len(held) < count:
        held.append(sample)
    if len(held) == count:
        enough.set()


with zenoh.open(config) as session:
    subscriber = session.declare_subscriber(key, keep)
    print("listening", flush=True)
    enough.wait()
    print("holds", flush=True)
    threading.Event().wait()
