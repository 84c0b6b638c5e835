#!/usr/bin/env bash
# Runs the packed kit as it runs on the other machine, but against the driver double: unpacked elsewhere, with next
# to nothing in the environment, and with a look at what it leaves.
# usage: try-with-double.sh FOLDER_OF_THE_KIT PYTHON OUT
set -euo pipefail

kit="$(realpath "$1")" python="$(realpath -s "$2")" out="$(realpath -m "$3")"
elsewhere="$(mktemp -d /tmp/zplane.XXXXXX)"
trap 'rm -rf "$elsewhere"' EXIT
cp -r "$kit" "$elsewhere/carried"
rm -rf "$out"
began=$SECONDS status=0
(
	cd /
	env -i PATH="$(dirname "$python"):/usr/bin:/bin" HOME="$elsewhere" ZENOH_PINNED_GPU_KIT_DOUBLE=1 \
		"$elsewhere/carried/run-on-gpu.sh" "$out"
) || status=$?
seconds=$((SECONDS - began))
du -b "$out"/*
echo "The lane took $seconds s and ended with $status."
if [ "$seconds" -ge 480 ]; then
	echo "That is eight minutes or more." >&2
	exit 1
fi
wrong="$(find "$out" -mindepth 2 -o -type f \( -size +16383k -o -name '*[!A-Za-z0-9._-]*' \))"
if [ -n "$wrong" ] || [ "$(find "$out" -type f | wc -l)" -gt 8 ]; then
	echo "The results are not as they must be: $wrong" >&2
	exit 1
fi
exit "$status"
