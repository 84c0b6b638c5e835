#!/usr/bin/env bash
# Unpacks the kit beside this script and runs it: tests and measurements on a machine with a CUDA device, with
# nothing else but Python 3.10. `run-on-gpu.sh OUT [--minutes N]` leaves its results in the folder OUT, each as soon as
# it is known; its status is 0 only when nothing failed. With ZENOH_PINNED_GPU_KIT_DOUBLE=1 it runs against the driver
# double, which needs no device.
set -euo pipefail

if [ $# -lt 1 ]; then
	echo "usage: $0 OUT [--minutes N] [--brief]" >&2
	exit 2
fi
here="$(cd "$(dirname "$0")" && pwd)"
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
	echo "Python 3.10 or later is needed, as python3 on the PATH." >&2
	exit 2
fi
mkdir -p "$1"
out="$(cd "$1" && pwd)"
shift
# Short, because paths of unix sockets may have only 107 characters.
unpacked="$(mktemp -d /tmp/zpkit.XXXXXX)"
trap 'rm -rf "$unpacked"' EXIT
# By Python, because there may be no xz.
python3 - "$here/kit.tar.xz" "$unpacked" <<'UNPACK'
import sys
import tarfile

with tarfile.open(sys.argv[1]) as kit:
    kit.extractall(sys.argv[2])
UNPACK
python3 -u "$unpacked/kit/lane/run.py" "$out" "$@"
