"""Writes a frame as a PNG file: eight bits a channel, red first, no more than that."""

from __future__ import annotations

import os
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
UP = 2  # each row as its difference to the one above it


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk: its length, kind, body, and their checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def encoded(frame: NDArray[np.uint8]) -> bytes:
    """Return the file's bytes for a frame of height x width x 3."""
    height, width, _ = frame.shape
    rows = np.empty((height, 1 + 3 * width), np.uint8)
    rows[:, 0] = UP
    flat = frame.reshape(height, 3 * width)
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 6)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def save(frame: NDArray[np.uint8], path: Path) -> None:
    """Write a frame to a file, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(encoded(frame))
    os.replace(part, path)
