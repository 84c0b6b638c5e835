"""Whether what the pipeline stored is its input.

It takes the pipeline's options: `python check_stored.py --input FILE.npy --count N --output FOLDER`. Every
frame is decompressed and compared, byte by byte. It prints how many are right. Where one is missing, is there
twice, or differs, it says so and exits with 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import zstandard


def wrong(source: Path, count: int, folder: Path) -> list[str]:
    """Return what is wrong in a folder."""
    matrices = np.load(source, mmap_mode="r")
    decompressor = zstandard.ZstdDecompressor()
    lines = [line for index in folder.glob("index-*.jsonl") for line in index.read_text().splitlines()]
    entries = sorted((json.loads(line) for line in lines), key=lambda entry: entry["matrix"])
    found = []
    if [entry["matrix"] for entry in entries] != list(range(count)):
        found.append(f"{len(entries)} matrices are in the index, not {count}, or not each once")
    for entry in entries:
        matrix = matrices[entry["matrix"] % len(matrices)]
        of_its_form = entry["shape"] == list(matrix.shape) and entry["dtype"] == matrix.dtype.str
        try:
            frame = (folder / entry["file"]).read_bytes()
            same = decompressor.decompress(frame) == matrix.tobytes()
        except (OSError, zstandard.ZstdError) as error:
            found.append(f"{entry['file']}: {error}")
            continue
        if not (same and of_its_form and len(frame) == entry["bytes"]):
            found.append(f"{entry['file']} differs from matrix {entry['matrix']}")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    terms = parser.parse_args()
    if mistakes := wrong(terms.input, terms.count, terms.output):
        sys.exit("\n".join(mistakes))
    print(f"{terms.count} are right")
