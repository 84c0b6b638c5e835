"""Makes a segment longer than its header says.

Before it is attached: the header does not describe the file, so it is attached as a segment of another library;
frames arrive. Afterwards: nothing changes, every size in use was taken before.
"""

import os
import sys

os.truncate(sys.argv[1], os.stat(sys.argv[1]).st_size + (1 << 20))
