"""Writes noise over parts of an inbox, again and again, until its standard input closes.

The arguments: the inbox's file, the part (`head`, `bell`, `lanes`, `rings`, `entries` or `everything`), and a seed. Small
numbers and numbers near those that were there come more often than others, as they get further.

Frames are lost, lines end with `NoLine::Corrupt` or `NoLine::Ended`, a frame is `FrameError::Invalidated` or
`FrameError::NotAttached`; nobody crashes or hangs, and the slots come back.
"""

import mmap
import os
import random
import select
import sys

PAGE, HEAD, LANE, LANES = 4096, 128, 832, 16
LANES_AT = PAGE + HEAD
ENTRIES_AT = LANES_AT + LANES * LANE
BELL_AT, RING_AT = PAGE + 64, 640

path, part, seed = sys.argv[1:]
noise = random.Random(int(seed))
size = os.stat(path).st_size


def place() -> int:
    """Where the next word goes, at a multiple of eight."""
    # Two lanes are in use; the others would hardly ever be met.
    lane = LANES_AT + noise.randrange(2) * LANE
    places = {
        "head": lambda: PAGE + 8 * noise.randrange(HEAD // 8),
        "bell": lambda: BELL_AT,
        "lanes": lambda: lane + 8 * noise.randrange(LANE // 8),
        "rings": lambda: lane + RING_AT + 64 * noise.randrange(3),
        "entries": lambda: ENTRIES_AT + 8 * noise.randrange((size - ENTRIES_AT) // 8),
        "everything": lambda: PAGE + 8 * noise.randrange((size - PAGE) // 8),
    }
    return places[part]()


def word(before: int) -> int:
    """What is written there."""
    near = before + noise.randrange(-3, 4)
    return noise.choice([near, near, noise.randrange(8), noise.getrandbits(64), 2**64 - 1]) % 2**64


with open(path, "r+b") as file, mmap.mmap(file.fileno(), size) as inbox:
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0.0002)[0]:
        at = place()
        before = int.from_bytes(inbox[at : at + 8], "little")
        inbox[at : at + 8] = word(before).to_bytes(8, "little")
