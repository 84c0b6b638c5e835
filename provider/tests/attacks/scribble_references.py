"""Writes a number over zenoh's reference counts of a segment's chunks: what keeps a slot from being written again.

A count that is too high keeps the slot for good; the pool goes on with the others (`AllocError::TimedOut` once
there are none). A count of zero gives back a slot that a consumer still reads, and its bytes change under it: the
count is the only thing that says who reads, zenoh keeps it where every process of the user can write, and no
library can tell a scribbled count from a right one. Nobody reads or writes outside the segment.
"""

import sys

from zenoh_metadata import headers_of

REFERENCES_AT = 0

segment, references = sys.argv[1], int(sys.argv[2])
for metadata, at in headers_of(segment):
    metadata[at + REFERENCES_AT : at + 4] = references.to_bytes(4, "little")
