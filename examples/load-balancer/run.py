"""A data plane in C and an agent in Python that learns its weights, in one terminal."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from comparison import compare
from demo import demo
from plot import save_plot


def main() -> None:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path, help="the compiled data_plane.c")
    parser.add_argument(
        "--compare", action="store_true", help="print learned weights beside uniform ones and a rule of thumb"
    )
    parser.add_argument(
        "--save-plot", type=Path, metavar="FILE", help="draw uniform and learned weights as SVG"
    )
    parser.add_argument("--length", type=float, default=480, help="of a run, in simulated seconds")
    parser.add_argument("--rate", type=float, default=12, help="simulated seconds in a second of the demo")
    parser.add_argument("--seed", type=int, default=1, help="of the demo and the plot")
    parser.add_argument("--seeds", type=int, default=5, help="how many are compared")
    options = parser.parse_args()
    # In good order: the terminal and the processes are to be given back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if options.compare:
        compare(options.program, options.length, range(1, options.seeds + 1))
    if options.save_plot is not None:
        save_plot(options.program, options.length, options.seed, options.save_plot)
    if not options.compare and options.save_plot is None:
        demo(options.program, options.length, options.rate, options.seed)


if __name__ == "__main__":
    main()
