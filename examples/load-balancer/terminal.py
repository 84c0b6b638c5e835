"""What a terminal shows of a load balancer: whole pictures, or a line a second where it is none."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from watch import Watch

EIGHTHS = " ▏▎▍▌▋▊▉█"
STEPS = "▁▂▃▄▅▆▇█"
BOLD, DIM, RED, GREEN, YELLOW, CYAN, PLAIN = (f"\x1b[{code}m" for code in (1, 2, 31, 32, 33, 36, 0))
HOME, REST_OF_LINE, REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
# Without the cursor, and without a line that goes on in the next one.
OTHER_SCREEN, FIRST_SCREEN = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"


def bar(share: float, width: int) -> str:
    """Draw a bar of a share of the width, exact to an eighth of a character."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return (EIGHTHS[8] * full + (EIGHTHS[rest] if rest else "")).ljust(width)


def line_of(values: list[float], low: float, high: float) -> str:
    """Draw values as a row of columns."""
    span = (high - low) or 1.0
    return "".join(STEPS[min(max(int((value - low) / span * 8), 0), 7)] for value in values)


def agent_in_words(watch: Watch) -> tuple[str, str]:
    """Say whether the agent is there, and in which colour."""
    if watch.action is None:
        return "none yet: every server gets as much", YELLOW
    if watch.agent is None:
        return f"dead: its last action goes on, {watch.behind} observations old", RED
    return f"alive, process {watch.agent}, {watch.behind} behind", GREEN


def data_plane_in_words(watch: Watch) -> tuple[str, str]:
    """Say whether the data plane is there, and in which colour."""
    if watch.data_plane is None:
        return "ended", RED
    return f"alive, process {watch.data_plane}", GREEN


def picture(watch: Watch, servers: int, notes: list[tuple[float, str]]) -> list[str]:
    """Return the lines of one picture, 80 columns wide."""
    sides = (("data plane", data_plane_in_words(watch)), ("agent", agent_in_words(watch)))
    lines = [f"{BOLD}load balancer{PLAIN}  {watch.seconds:.1f} s of its own time"]
    lines += [f"  {side:<11}{colour}{words}{PLAIN}" for side, (words, colour) in sides]
    lines += ["", f"{DIM}server  {'flows in progress, mean of 2 s':<42}share of new flows{PLAIN}"]
    shares, active = watch.shares(), set(watch.active)
    highest = max(8.0, float(watch.load[:servers].max()))
    for server in range(servers):
        if server not in active:
            lines.append(f"{server:>6}  {DIM}takes no flows{PLAIN}")
            continue
        load, share = float(watch.load[server]), float(shares[server])
        lines.append(
            f"{server:>6}  {CYAN}{bar(load / highest, 32)}{PLAIN}{load:>7.1f}   "
            f"{YELLOW}{bar(share * servers / 3, 20)}{PLAIN}{share:>7.1%}"
        )
    fairness, p90s = list(watch.fairness), list(watch.p90s)
    lines += [
        "",
        f"fairness  {fairness[-1] if fairness else 0:>7.2f}     {GREEN}{line_of(fairness, 0.0, 1.0)}{PLAIN}",
        f"p90       {watch.p90:>7.1f} ms  {RED}{line_of(p90s, 0.0, max(p90s, default=0.0) * 1.01)}{PLAIN}",
        f"mean      {watch.mean:>7.1f} ms",
        "",
    ]
    lines += [f"{at:>7.1f} s  {words}" for at, words in notes[-4:]]
    return lines


def line(watch: Watch) -> str:
    """Return one line for what is no terminal."""
    load = " ".join(f"{watch.load[server]:.0f}" for server in watch.active)
    return (
        f"{watch.seconds:>6.1f} s  fairness {watch.fairness[-1]:.2f}  mean {watch.mean:>6.1f} ms  "
        f"p90 {watch.p90:>6.1f} ms  flows {load}  agent {agent_in_words(watch)[0]}"
    )


class View:
    """Shows a watch: ten pictures a second in a terminal, a line a second elsewhere."""

    def __init__(self, servers: int, out: TextIO = sys.stdout) -> None:
        self.notes: list[tuple[float, str]] = []
        self._servers = servers
        self._out = out
        self._is_terminal = out.isatty()
        self._due = 0.0
        if self._is_terminal:
            out.write(OTHER_SCREEN)

    def note(self, seconds: float, words: str) -> None:
        """Show that something has happened."""
        self.notes.append((seconds, words))
        if not self._is_terminal:
            print(f"{seconds:>6.1f} s  * {words}", file=self._out, flush=True)

    def show(self, watch: Watch) -> None:
        """Show what there is, if it is time to."""
        if watch.observation is None or time.monotonic() < self._due:
            return
        self._due = time.monotonic() + (0.1 if self._is_terminal else 1.0)
        watch.remember()
        if self._is_terminal:
            text = "".join(f"{text}{REST_OF_LINE}\n" for text in picture(watch, self._servers, self.notes))
            self._out.write(HOME + text + REST_OF_SCREEN)
            self._out.flush()
        else:
            print(line(watch), file=self._out, flush=True)

    def close(self, watch: Watch) -> None:
        """Give the terminal back; the last picture stays."""
        if self._is_terminal:
            self._out.write(FIRST_SCREEN)
            print(*picture(watch, self._servers, self.notes), sep="\n", file=self._out)
        self._out.flush()
