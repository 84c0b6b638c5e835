"""Writes noise over the fields of a segment's header page; the second argument is the seed.

Before it is attached: the header is refused, and the segment attached as one of another library: frames arrive,
releases are not announced. Afterwards: nothing changes, nobody reads a header twice.
"""

import random
import sys

FIELD_BYTES = 104

with open(sys.argv[1], "r+b") as file:
    file.write(random.Random(int(sys.argv[2])).randbytes(FIELD_BYTES))
