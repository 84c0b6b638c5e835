"""An ordinary eclipse-zenoh subscriber of the camera's frames: whether each has come, in order and byte for byte."""

import sys

import zenoh


def frame(number: int, size: int) -> bytes:
    """The bytes of a frame, as expect.h fills it."""
    row = bytes(index * 7 % 256 for index in range(4096))
    shifted = [bytes((byte + shift) % 256 for byte in row) for shift in range(256)]
    rows = range((size + 4095) // 4096)
    return b"".join(shifted[(number * 31 + index) % 256] for index in rows)[:size]


def main(config: str, key: str, size: int, frames: int) -> None:
    last = lost = wrong = copied = checked = 0
    with zenoh.open(zenoh.Config.from_json5(config)) as session, session.declare_subscriber(key) as subscriber:
        is_ready = False
        while last < frames:
            sample = subscriber.recv()
            number = int.from_bytes(bytes(sample.attachment), "little")
            if not is_ready:
                print("ready", flush=True)
            is_ready = True
            if number == 0:
                continue
            lost += number - last - 1
            wrong += bytes(sample.payload) != frame(number, size)
            copied += sample.payload.as_shm() is None
            last = number
            checked += 1
            del sample
    print(f"checked {checked} lost {lost} wrong {wrong} copied {copied}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
