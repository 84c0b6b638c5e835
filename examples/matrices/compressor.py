"""A compressor of your own: it gets matrices in batches, each where its producer wrote it."""

import json
from collections.abc import Sequence

import zstandard
from zenoh_pinned import workers


@workers.serve("compressor")  # serves here until the pipeline asks it to end
def compress(batch: Sequence[workers.Request]) -> list[bytes]:
    """Return a zstd frame of each matrix."""
    frames = []
    for request in batch:
        level = json.loads(request.attachment)["level"]
        compressor = zstandard.ZstdCompressor(level=level, write_checksum=True, write_content_size=True)
        frames.append(compressor.compress(memoryview(request)))  # read where it lies
    return frames
