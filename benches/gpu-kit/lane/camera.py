"""The camera workload: the way of a frame to the device from each memory, as `camera-bench` measures it.

Its record, in the folder `camera` of the results, is written anew after each round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import benching

if TYPE_CHECKING:
    from kit import Kit
    from results import Results


def run(kit: Kit, results: Results) -> None:
    """Measure as many rounds as there is time for."""
    length = "trial" if kit.brief else "short"
    words = ["camera-bench", "run", str(benching.folder(kit)), "--device-only", "--record-only"]
    benching.measure(kit, results, [*words, "--length", length, "--within", benching.seconds(kit)])
