"""Puts a copy under a segment's name and holds its exclusive lock, as zenoh's cleaners do for a moment.

Before it is attached: `AttachError::Removed`, at once. The producer's own file cannot be locked so: its shared
lock is held from before it has a name.
"""

import fcntl
import os
import shutil
import sys

path = sys.argv[1]
copy = f"{path}.copy"
os.close(os.open(copy, os.O_CREAT | os.O_WRONLY, 0o600))
shutil.copyfile(path, copy)
with open(copy, "r+b") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    os.rename(copy, path)
    print("ready", flush=True)
    sys.stdin.read()
