"""Writes a number over the offset in zenoh's descriptors of a segment's chunks.

When the chunk comes back, its descriptor names no slot that is allocated: the release is refused and counted
(`PoolStatistics::rejected_releases`), and the slot is lost to the pool, which goes on with the others. A consumer
that receives such a descriptor maps nothing outside the segment: the message is lost, with an error in the log,
or `FrameError::OutsideSegment`.
"""

import sys

from zenoh_metadata import headers_of

CHUNK_AT = 20

segment, offset = sys.argv[1], int(sys.argv[2])
for metadata, at in headers_of(segment):
    metadata[at + CHUNK_AT : at + CHUNK_AT + 4] = offset.to_bytes(4, "little")
