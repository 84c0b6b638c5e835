"""An unmodified zenoh subscriber: prints what it receives."""

import queue
import sys

import zenoh

port, key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
config = zenoh.Config()
config.insert_json5("connect/endpoints", f'["tcp/127.0.0.1:{port}"]')
config.insert_json5("listen/endpoints", "[]")
config.insert_json5("scouting/multicast/enabled", "false")
config.insert_json5("transport/shared_memory/enabled", "true")
samples = queue.Queue()
with zenoh.open(config) as session:
    subscriber = session.declare_subscriber(key, samples.put)
    while not any(True for _ in session.info.peers_zid()):
        pass
    import time

    time.sleep(0.5)
    print("ready", flush=True)
    for _ in range(count):
        payload = samples.get(timeout=20).payload
        is_shared = payload.as_shm() is not None if hasattr(payload, "as_shm") else None
        data = payload.to_bytes()
        values = set(data)
        print(len(data), *values, "shared" if is_shared else "copied", flush=True)
        del payload, data
