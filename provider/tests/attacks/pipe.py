"""Puts a pipe under a segment's name, which would keep a careless opener waiting.

Before it is attached: `AttachError::Open`, at once. Afterwards: nothing changes.
"""

import os
import sys

os.unlink(sys.argv[1])
os.mkfifo(sys.argv[1], 0o600)
