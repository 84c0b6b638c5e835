"""Cameras whose frames are read by workers that share one copy of the models, and are killed meanwhile."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from figures import figures, table
from supervisor import Terms, run

if TYPE_CHECKING:
    from collections.abc import Iterator


def size(text: str) -> tuple[int, int]:
    """Read a width and a height, in which seven digits have room."""
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    if not found or not 240 <= int(found[2]) <= int(found[1]):
        msg = f"{text!r} is not a width and a height like 640x480: not higher than wide, nor below 240"
        raise argparse.ArgumentTypeError(msg)
    return int(found[1]), int(found[2])


def count(text: str) -> int:
    """Read how many there are to be, at least one."""
    if not text.isdecimal() or int(text) < 1:
        msg = f"{text!r} is no number of processes: 1 or more"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


@contextmanager
def page() -> Iterator[None]:
    """Serve the page of `zenoh-pinned serve` meanwhile, and print where it is."""
    words = [sys.executable, "-m", "zenoh_pinned", "serve", "--address", "127.0.0.1:0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as serving:
        try:
            if serving.stdout is not None:
                print(f"The page is at {serving.stdout.readline().strip()}", file=sys.stderr, flush=True)
            yield
        finally:
            serving.terminate()


def main() -> None:
    """Run it, and say what came of it; end with 1 where a number was wrong or had no answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=count, default=2, help="processes that draw frames")
    parser.add_argument("--fps", type=float, default=15, help="frames a second of each of them")
    parser.add_argument("--workers", type=count, default=2, help="processes that read frames")
    parser.add_argument("--seconds", type=float, default=10, help="how long; 0 until Ctrl-C")
    parser.add_argument("--size", type=size, default=(640, 480), metavar="WxH", help="of a frame")
    parser.add_argument(
        "--kill", type=float, default=0, metavar="SECONDS", help="kill one when all are there so long"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="the last frame and what was read, as PNG")
    parser.add_argument("--serve", action="store_true", help="a page shows what happens meanwhile")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    given = parser.parse_args()
    terms = Terms(given.cameras, given.fps, given.workers, given.seconds, given.size, given.kill, given.save)
    try:
        with page() if given.serve else nullcontext():
            said = figures(terms, run(terms))
    except (FileNotFoundError, ConnectionError) as error:
        sys.exit(str(error))  # no package of a model, or a folder for which no socket has room
    except KeyboardInterrupt:
        sys.exit("interrupted before there was anything to tell")
    print(json.dumps(said) if given.json else table(said))
    if said["wrong"] or said["failed"] or not said["answered"]:
        for number, texts in said["wrong"]:
            print(f"the frame of {number} was read as {texts}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
