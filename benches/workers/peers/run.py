"""Runs the figures of all peers, one arm after the other: `python run.py FIGURE... --python PY --out FILE`.

FILE gets one object, `{arm: {figure: {...}}}`, with the arm's version beside its figures; what was not to be
had is `{"skipped": "why"}`. PY is the Python of the peers' environment. Every figure is a process of its own,
and what one leaves behind is ended before the next starts.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import descendants
from arm import FIGURES

ARMS = {"mosec": "with_mosec.py", "ray": "with_ray.py", "pool": "with_pool.py"}
# A figure measures up to four times, and starts its peer as often; kills wait up to their bound as well.
ALLOWED, TIMES, KILLS = 120.0, 6.0, 12.0


def measured(python: str, arm: str, figure: str, seconds: float, bound: float) -> dict[str, Any]:
    """Run one figure of one arm and return its result."""
    command = [python, str(Path(__file__).with_name(ARMS[arm])), figure]
    command += ["--seconds", str(seconds), "--bound", str(bound)]
    allowed = ALLOWED + TIMES * seconds + (KILLS * bound if figure == "kill" else 0)
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        return {"skipped": f"{python} does not start: {error}"}
    try:
        printed, _ = process.communicate(timeout=allowed)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        printed = ""
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=20)
    finally:
        descendants.end_all()
    for line in reversed(printed.splitlines()):
        with suppress(json.JSONDecodeError):
            return dict(json.loads(line))
    ended = f"ended with {process.returncode} and no result" if printed or process.returncode else "no result"
    return {"skipped": f"{ended}, {allowed:.0f} s were allowed"}


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description="the figures of all peers, one arm after the other")
    parser.add_argument(
        "figures", nargs="*", metavar="FIGURE", help=f"of {', '.join(FIGURES)}; all by default"
    )
    parser.add_argument("--python", required=True, help="the Python of the peers' environment")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="how long a figure measures (default: 10)"
    )
    parser.add_argument("--bound", type=float, default=30.0, help="how long to wait for what may never come")
    told = parser.parse_args()
    if unknown := set(told.figures) - set(FIGURES):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    descendants.adopt()
    results: dict[str, dict[str, Any]] = {arm: {} for arm in told.arms}
    for figure in told.figures or FIGURES:
        for arm in told.arms:
            print(f"{figure} of {arm}", file=sys.stderr)
            result = measured(told.python, arm, figure, told.seconds, told.bound)
            if "version" in result:
                results[arm]["version"] = result["version"]
            results[arm][figure] = result.get(figure) or {"skipped": result.get("skipped", "no result")}
            told.out.parent.mkdir(parents=True, exist_ok=True)
            told.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
