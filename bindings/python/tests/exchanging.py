"""What the tests of the exchange share."""

import contextlib
import mmap
import os
import struct

from zenoh_pinned.exchange import DataPlane, Exchange

from conftest import script


@contextlib.contextmanager
def both(name, **options):
    """Both sides of a region in this process."""
    with DataPlane(name, **options) as data_plane, Exchange(name) as exchange:
        yield data_plane, exchange


@contextlib.contextmanager
def side(kind, name):
    """One side in a process of its own, which is killed at the end."""
    process = script("exchange_side.py", kind, name)
    try:
        assert process.stdout.readline() == "begun\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def write_as_nobody_should(name, number):
    """Change the number of the newest observation: behind the header's three lines of 64 bytes."""
    path = f"/dev/shm/{name}"
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), os.path.getsize(path)) as words:
        before = struct.unpack_from("Q", words, 192)[0]
        struct.pack_into("Q", words, 192, number)
    return before
