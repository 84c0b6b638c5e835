"""An ordinary eclipse-zenoh subscriber: for each message, how it came, its length and its CRC-32."""

import sys
import zlib

import zenoh


def main(endpoint: str, key: str, messages: int) -> None:
    config = zenoh.Config()
    config.insert_json5("mode", '"peer"')
    config.insert_json5("scouting/multicast/enabled", "false")
    config.insert_json5("listen/endpoints", "[]")
    config.insert_json5("connect/endpoints", f'["{endpoint}"]')
    config.insert_json5("transport/shared_memory/enabled", "true")
    with zenoh.open(config) as session, session.declare_subscriber(key) as subscriber:
        for _ in range(messages):
            payload = subscriber.recv().payload
            how = "shared" if payload.as_shm() is not None else "raw"
            content = bytes(payload)
            print(how, len(content), f"{zlib.crc32(content):08x}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
