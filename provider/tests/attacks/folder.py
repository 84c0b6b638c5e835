"""Puts a folder under a segment's name.

Before it is attached: `AttachError::Open`. Afterwards: nothing changes.
"""

import os
import sys

os.unlink(sys.argv[1])
os.mkdir(sys.argv[1])
