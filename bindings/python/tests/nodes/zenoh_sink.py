"""An unmodified zenoh subscriber: prints what it receives."""

import queue
import sys
import time

import zenoh

from stock_zenoh import connecting

port, key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
samples = queue.Queue()
with zenoh.open(connecting(port)) as session:
    subscriber = session.declare_subscriber(key, samples.put)
    while not any(True for _ in session.info.peers_zid()):
        pass
    time.sleep(0.5)
    print("ready", flush=True)
    for _ in range(count):
        payload = samples.get(timeout=20).payload
        is_shared = payload.as_shm() is not None if hasattr(payload, "as_shm") else None
        data = payload.to_bytes()
        values = set(data)
        print(len(data), *values, "shared" if is_shared else "copied", flush=True)
        del payload, data
