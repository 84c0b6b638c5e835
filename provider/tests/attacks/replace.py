"""Puts another file of the same length, full of noise, under a segment's name.

Before it is attached: it is attached as a segment of another library, and its noise is what arrives: that a
process of the same user wrote the bytes is all that can be known of any file. Afterwards: nothing changes, and a
registration by name, for a mapping that zenoh itself made, is `FallbackReason::NotAttachable`.
"""

import os
import sys

path = sys.argv[1]
noise = f"{path}.noise"
with open(os.open(noise, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
    file.write(os.urandom(os.stat(path).st_size))
os.rename(noise, path)
