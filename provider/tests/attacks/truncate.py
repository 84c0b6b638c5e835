"""Cuts a segment to a number of bytes, as any process of the same user may.

Before it is attached: the part that is left is attached as a segment of another library, and a chunk beyond it is
refused; of nothing, `AttachError::Malformed`. Afterwards: the next frame that is looked at is `FrameError::Truncated`,
the next slot `AllocError::Truncated`, a registration `FallbackReason::PagesMissing`. A frame that is in hand
already cannot be saved: reading it raises SIGBUS.
"""

import os
import sys

os.truncate(sys.argv[1], int(sys.argv[2]))
