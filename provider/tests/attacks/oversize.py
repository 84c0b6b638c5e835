"""Makes a segment larger than chunk ids of 32 bits reach, without taking memory for it.

Before it is attached: `AttachError::Malformed`. Afterwards: as for any longer file, nothing changes.
"""

import os
import sys

os.truncate(sys.argv[1], 5 << 30)
