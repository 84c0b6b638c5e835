"""Copies to the device by size, added to the record of the cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING

import benching

if TYPE_CHECKING:
    from kit import Kit
    from results import Results


def run(kit: Kit, results: Results) -> None:
    """Measure as many sizes as there is time for."""
    length = "trial" if kit.brief else "short"
    words = ["camera-bench", "copies", str(benching.folder(kit)), "--length", length]
    benching.measure(kit, results, [*words, "--within", benching.seconds(kit)])
