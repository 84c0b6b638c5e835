"""Where zenoh 1.10 keeps what it knows of a segment's chunks: its own segments, which anybody may map as well.

A metadata segment begins with 32,768 headers of 32 bytes: references, invalidated, generation, protocol (four bytes
each), segment, chunk (four bytes each), length (eight bytes).
"""

import mmap
import pathlib
from collections.abc import Iterator

HEADERS = 32_768
HEADER_BYTES = 32
WATCHDOG_BYTES = 8
SEGMENT_AT = 16


def headers_of(segment: str) -> Iterator[tuple[mmap.mmap, int]]:
    """Every header of a chunk of the segment, as its place in a mapping."""
    name = int(pathlib.Path(segment).stem).to_bytes(4, "little")
    for path in pathlib.Path("/dev/shm").glob("*.zenoh"):
        if path.stat().st_size != HEADERS * (HEADER_BYTES + WATCHDOG_BYTES):
            continue
        with path.open("r+b") as file:
            metadata = mmap.mmap(file.fileno(), 0)
        for at in range(0, HEADERS * HEADER_BYTES, HEADER_BYTES):
            if metadata[at + SEGMENT_AT : at + SEGMENT_AT + 4] == name:
                yield metadata, at
