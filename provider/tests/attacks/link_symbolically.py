"""Moves a segment away and leaves a symbolic link to it under its name.

Before it is attached: `AttachError::Open`, links are not followed. Afterwards: nothing changes.
"""

import os
import sys

path = sys.argv[1]
os.rename(path, f"{path}.moved")
os.symlink(f"{path}.moved", path)
