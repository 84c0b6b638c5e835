"""One pool registered by one process and by four at once, added to the record of the cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING

import benching

if TYPE_CHECKING:
    from kit import Kit
    from results import Results


def run(kit: Kit, results: Results) -> None:
    """Measure as many rounds as there is time for."""
    rounds = "1" if kit.brief else "3"
    words = ["camera-bench", "registering", str(benching.folder(kit)), "--rounds", rounds]
    benching.measure(kit, results, [*words, "--within", benching.seconds(kit)])
