"""Gives a segment to another user; only root can.

Before it is attached: `AttachError::NotPrivate`. Afterwards: nothing changes, as with the mode.
"""

import os
import sys

NOBODY = 65534

os.chown(sys.argv[1], NOBODY, NOBODY)
