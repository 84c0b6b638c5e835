"""Puts a copy of a segment under its name: a header that is right, and bytes that the producer never changes.

Before it is attached: it is attached, and what is in the copy is what arrives. Afterwards: nothing changes, and a
registration by name is `FallbackReason::NotAttachable`, because it is another file.
"""

import os
import shutil
import sys

path = sys.argv[1]
copy = f"{path}.copy"
os.close(os.open(copy, os.O_CREAT | os.O_WRONLY, 0o600))
shutil.copyfile(path, copy)
os.rename(copy, path)
