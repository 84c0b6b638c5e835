"""Draws before and after: fairness and completion times with uniform weights, and with learned ones."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from comparison import Run, run
from script import EVENTS

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, HEIGHT, LEFT, RIGHT, TOP, GAP = 880, 190, 64, 96, 48, 44
COLOURS = {"uniform": "#b3541e", "learner": "#1f6f8b"}
WORDS = {"uniform": "uniform", "learner": "learned"}
WINDOW = 4.0  # simulated seconds
TICKS_MS = (20, 50, 100, 200, 500, 1000, 2000)


def series(run: Run) -> tuple[list[float], list[float], list[float]]:
    """Return time in seconds, fairness, and p90 in ms of each window."""
    edges = np.linspace(0, 1, round(run.length / WINDOW) + 1)
    numbers = [run.numbers(*window) for window in pairwise(edges)]
    times = [run.length * float(edge) for edge in edges[1:]]
    return times, [fairness for _, _, fairness in numbers], [p90 for _, p90, _ in numbers]


class Panel:
    """One diagram: its place, its scales, and what is drawn in it."""

    def __init__(self, top: float, title: str, length: float, low: float, high: float) -> None:
        self._top, self._length, self._low, self._high = top, length, low, high
        self.parts = [
            f'<text x="{LEFT}" y="{top - 10}" font-weight="600">{escape(title)}</text>',
            f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="#fafafa" stroke="#ccc"/>',
        ]

    def x(self, seconds: float) -> float:
        """Return where a moment is."""
        return LEFT + WIDTH * seconds / self._length

    def y(self, value: float) -> float:
        """Return where a value is."""
        share = (value - self._low) / (self._high - self._low)
        return self._top + HEIGHT * (1 - min(max(share, 0.0), 1.0))

    def tick(self, value: float, words: str) -> None:
        """Draw a line across, and what it means."""
        y = self.y(value)
        across = f'x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}"'
        self.parts.append(f'<line {across} stroke="#e4e4e4"/>')
        self.parts.append(
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#666">{words}</text>'
        )

    def mark(self, seconds: float, words: str) -> None:
        """Draw a line down, and what happened there."""
        x, bottom = self.x(seconds), self._top + HEIGHT
        down = f'x1="{x:.1f}" x2="{x:.1f}" y1="{self._top}" y2="{bottom}"'
        self.parts.append(f'<line {down} stroke="#888" stroke-dasharray="3 4"/>')
        beside = f'x="{x + 4:.1f}" y="{bottom - 6}"'
        self.parts.append(f'<text {beside} fill="#666" font-size="11">{escape(words)}</text>')

    def curve(self, times: list[float], values: list[float], policy: str) -> None:
        """Draw a policy's values, with its name behind the last one."""
        colour = COLOURS[policy]
        places = zip(map(self.x, times), map(self.y, values), strict=True)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        self.parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        x, y = self.x(times[-1]) + 8, self.y(float(np.median(values[-5:]))) + 4
        at = f'x="{x:.1f}" y="{y:.1f}"'
        self.parts.append(f'<text {at} fill="{colour}" font-weight="600">{WORDS[policy]}</text>')


def draw(runs: dict[str, Run]) -> str:
    """Return both diagrams as SVG."""
    length = next(iter(runs.values())).length
    fairness = Panel(TOP, "Fairness (Jain) of the servers' flows in progress", length, 0.0, 1.0)
    p90_title = "Flow completion time, 90th percentile (ms, logarithmic)"
    lowest, highest = np.log([TICKS_MS[0], TICKS_MS[-1]]).tolist()
    p90 = Panel(TOP + HEIGHT + GAP, p90_title, length, lowest, highest)
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        fairness.tick(value, f"{value:g}")
    for milliseconds in TICKS_MS:
        p90.tick(float(np.log(milliseconds)), str(milliseconds))
    for event in EVENTS:
        fairness.mark(event.share * length, event.words)
        p90.mark(event.share * length, "")
    for policy, run_of_it in runs.items():
        times, fairnesses, p90s = series(run_of_it)
        fairness.curve(times, fairnesses, policy)
        p90.curve(times, np.log(p90s).tolist(), policy)
    bottom = TOP + 2 * HEIGHT + GAP
    parts = [*fairness.parts, *p90.parts]
    for seconds in np.linspace(0, length, 9):
        at = f'x="{p90.x(float(seconds)):.1f}" y="{bottom + 18}"'
        parts.append(f'<text {at} text-anchor="middle" fill="#666">{seconds:.0f} s</text>')
    size = f'width="{LEFT + WIDTH + RIGHT}" height="{bottom + 32}"'
    style = 'font-family="system-ui, DejaVu Sans, sans-serif" font-size="12"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    return "\n".join([*head, *parts, "</svg>\n"])


def save_plot(program: Path, length: float, seed: int, file: Path) -> None:
    """Run both policies with the same flows, and draw them."""
    runs = {policy: run(program, policy, length, seed) for policy in COLOURS}
    file.write_text(draw(runs), encoding="utf-8")
    print(f"{file}: {', '.join(f'{WORDS[policy]} {len(run.flows)} flows' for policy, run in runs.items())}")
