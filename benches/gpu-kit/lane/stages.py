"""Which stages there are, in the order of their worth, and how long each may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ORDINARY_MINUTES = 5
# Of each stage, where it does its least.
BRIEF_SECONDS = 25.0


@dataclass(frozen=True)
class Stage:
    """A part of the lane: a module of this folder with a function `run`."""

    name: str
    module: str
    least: float
    """Seconds that are kept for it, whatever those before it take."""
    most: float
    """Seconds that it may have in a lane of five minutes; more in a longer one."""
    grows: bool = True
    """Whether a longer lane gives it more."""


STAGES = (
    Stage("first look", "first_look", 15, 50, grows=False),
    Stage("camera", "camera", 45, 110),
    Stage("tests", "suite", 40, 90),
    Stage("tensors", "tensors", 30, 60),
    Stage("copies", "copies", 8, 25),
    Stage("registering", "registering", 15, 45),
    Stage("sanitizer", "sanitizer", 8, 30),
    Stage("steps", "steps", 10, 60),
)


def limit(stages: Sequence[Stage], index: int, left: float, minutes: float) -> float:
    """Seconds for a stage when so many are left; unused time has gone to whoever comes next."""
    stage = stages[index]
    later = sum(other.least for other in stages[index + 1 :])
    most = stage.most * (max(minutes / ORDINARY_MINUTES, 1) if stage.grows else 1)
    # Of a lane that is late everybody gets a share, rather than the last ones nothing.
    late = left * stage.least / (stage.least + later)
    return max(min(most, max(left - later, late)), 0.0)
