"""An ordinary eclipse-zenoh publisher of frames for the consumer: 0 until it is told to go, then 1 to FRAMES."""

import sys
import threading
import time

import zenoh
from subscriber import frame


def main(config: str, key: str, size: int, frames: int) -> None:
    go = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), go.set()), daemon=True).start()
    blocks = zenoh.CongestionControl.BLOCK
    with (
        zenoh.open(zenoh.Config.from_json5(config)) as session,
        session.declare_publisher(key, congestion_control=blocks) as publisher,
    ):
        print("declared", flush=True)
        while not go.wait(0.02):
            publisher.put(frame(0, size), attachment=(0).to_bytes(8, "little"))
        for number in range(1, frames + 1):
            publisher.put(frame(number, size), attachment=number.to_bytes(8, "little"))
            time.sleep(0.03)
        print("sent", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
