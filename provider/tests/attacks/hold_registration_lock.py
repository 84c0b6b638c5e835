"""Holds the lock that processes take in turn to register a segment, until its standard input closes.

Frames arrive and are copied by the next way down: `FallbackReason::RegistrationPending` at first,
`RegistrationContended` after five seconds, tried again a second later.
"""

import fcntl
import struct
import sys

F_OFD_SETLK = 37

with open(sys.argv[1], "r+b") as file:
    # struct flock: type, whence, start, length, pid.
    lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 1, 0)
    fcntl.fcntl(file, F_OFD_SETLK, lock)
    print("ready", flush=True)
    sys.stdin.read()
