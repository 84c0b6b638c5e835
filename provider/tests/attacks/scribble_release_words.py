"""Writes noise over the two words that announce releases, again and again, until its standard input closes.

Nothing changes but time: a producer that waits looks at zenoh's counts every poll interval whatever the words say,
and a consumer at most wakes somebody who does not sleep.
"""

import mmap
import os
import select
import sys

RELEASE_WORDS_AT = 128

with open(sys.argv[1], "r+b") as file, mmap.mmap(file.fileno(), 4096) as page:
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0.0001)[0]:
        page[RELEASE_WORDS_AT : RELEASE_WORDS_AT + 8] = os.urandom(8)
