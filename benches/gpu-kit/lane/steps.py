"""What a registration costs by itself, in each kind of page, where the kit has the micro-benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import benching
import bounded

if TYPE_CHECKING:
    from kit import Kit
    from results import Results

TABLES_SECONDS = 5.0


def run(kit: Kit, results: Results) -> None:
    """Measure, and make tables of what there is then."""
    if not (kit.built / "micro").exists():
        results.add(outcome="skipped", said="not in this kit")
        return
    environment = {"CRITERION_HOME": str(kit.folder / "criterion")}
    if kit.is_double:
        # It leaves the double out unless it is told that it is meant.
        environment["ZENOH_PINNED_BENCH_DOUBLE"] = "1"
    which = "^registration, 4 KiB pages/fallocate" if kit.brief else "^registration, "
    limited = kit.deadline
    # Also of a run that was cut short there are tables.
    kit.deadline = limited - TABLES_SECONDS
    benching.measure(kit, results, ["micro", "--bench", which], environment)
    kit.deadline = limited
    program = str(kit.built / "micro-tables")
    tables = bounded.run([program], kit.remaining(), {**kit.environment, **environment})
    results.add(what="tables", outcome="measured" if tables.succeeded else "failed", tables=tables.output)
