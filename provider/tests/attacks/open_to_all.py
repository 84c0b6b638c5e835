"""Lets every user of the machine write a segment.

Before it is attached: `AttachError::NotPrivate`, others could cut or change it at any time. Afterwards: nothing
changes, the mode is looked at when a segment is attached.
"""

import os
import sys

os.chmod(sys.argv[1], 0o666)
