"""Writes what the lane brought home into `benches/results`, and its tables into the README and the RFC.

usage: bring_home.py OUT [--tool camera-bench] [--documents README.md ...]

OUT is the folder that `run-on-gpu.sh` wrote. Beside the record, the raw samples, the plots and all results,
the page says which aims were reached, how each stage ended, and what failed. A lane of the driver double is
refused: it proves order, not speed.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "lane"))
import results as lane_results
from kit import DOUBLE

ROOT = Path(__file__).resolve().parent.parent.parent
RESULTS = ROOT / "benches" / "results"
DOCUMENTS = (ROOT / "README.md", ROOT / "rfcs" / "0001-pinned-host-shm-provider.md")
# The places whose figures come from a device; the others are those of the machine that has none.
PLACES = ("device-summary", "camera-device", "break-even", "registering", "aims")
LINE = 4000


class Refused(Exception):
    """What was brought home is not fit to be recorded."""


@dataclass(frozen=True)
class Brought:
    """What one lane left."""

    out: Path
    status: dict[str, Any]
    results: list[dict[str, Any]]

    @classmethod
    def read(cls, out: Path) -> Brought:
        """Read it; a lane that did not get far has fewer results."""
        status = out / "status.json"
        if not status.exists():
            raise Refused(f"{out} has no status.json: the lane did not begin, or this is another folder")
        return cls(out, json.loads(status.read_text()), lane_results.read(out))

    @property
    def device(self) -> str:
        """The name of the device, without the driver's version."""
        return str(self.status["device"]).partition(", CUDA")[0]

    @property
    def name(self) -> str:
        """The name of the page: its date and its device."""
        words = re.sub(r"[^a-z0-9]+", "-", self.device.lower()).strip("-")
        return f"{self.status['began'][:10]}-{words}"

    def of(self, stage: str, **wanted: Any) -> list[dict[str, Any]]:
        """Give the results of a stage that have these values."""
        found = [result for result in self.results if result["stage"] == stage]
        return [result for result in found if all(result.get(key) == value for key, value in wanted.items())]


def table(header: str, rows: list[list[Any]]) -> str:
    """Make a Markdown table."""
    columns = header.count("|") + 1
    lines = [f"| {header} |", f"|{'---|' * columns}"]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def stages_table(brought: Brought) -> str:
    """Tell how each stage ended."""
    rows = []
    for state in brought.status["stages"]:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in (state["results"] or {}).items())
        rows.append([state["stage"], state["state"], state["seconds"], state["limit"], counts or "-"])
    return table("stage | ended | seconds | of at most | results", rows)


def look_table(brought: Brought) -> str:
    """Show the first look: GB/s and CPU time by size and memory."""
    copied = [line for line in brought.of("first look", what="copy to the device") if "bytes" in line]
    rows = [
        [line["bytes"], line["memory"], line["GB/s"], line["CPU us a copy"], line["path"]] for line in copied
    ]
    return table("bytes | memory | GB/s | CPU us a copy | path of the frame", rows) if rows else "none\n"


def machine_lines(brought: Brought) -> str:
    """Tell what machine it was, as far as it decides figures."""
    lines: list[str] = []
    for found in brought.of("first look", what="machine"):
        shown = {
            "kernel": found["kernel"],
            "processor": f"{found['processor']}, {found['processors usable']} usable",
            "device": found["driver"]["devices"][0]["name"],
            "CUDA": found["driver"]["CUDA version of the driver"],
            "kernel module": found["kernel module"],
            "bus": found["on the bus"],
            "limits": found["limits, soft and hard; -1 is none"],
            "shared memory": found["shared memory"],
            "pid namespace": found["pid namespace"],
            "libraries": found["libraries"],
        }
        lines += [f"- {key}: {value}" for key, value in shown.items()]
    for what in ("driver", "memory", "locks of killed processes"):
        for found in brought.of("first look", what=what):
            told = {key: value for key, value in found.items() if key not in ("stage", "what")}
            lines.append(f"- {what}: {told}")
    return "\n".join(lines) + "\n"


def fails(brought: Brought) -> str:
    """Tell what failed, and the last that each said."""
    bad = [result for result in brought.results if result.get("outcome") in lane_results.BAD]
    again = [
        result
        for result in brought.results
        if str(result.get("said", "")).startswith("passed when run again")
    ]
    texts = []
    for result in [*bad, *again]:
        name = " ".join(str(result[key]) for key in ("binary", "name", "test", "what") if result.get(key))
        said = str(result.get("said", ""))[-LINE:].replace("```", "'''")
        texts.append(f"{result['stage']}, {name}: {result.get('outcome')}\n\n```text\n{said}\n```\n")
    return "\n".join(texts) if texts else "Nothing failed.\n"


def tests_table(brought: Brought) -> str:
    """Count the outcomes of the tests by their program, and tell why some were left out."""
    programs: dict[str, Counter[str]] = {}
    for result in brought.of("tests"):
        programs.setdefault(result["binary"], Counter())[result["outcome"]] += 1
    outcomes = ("passed", "failed", "skipped", "not run")
    rows = [[name, *(counts[outcome] for outcome in outcomes)] for name, counts in sorted(programs.items())]
    text = table("program | " + " | ".join(outcomes), rows)
    why = Counter(result["said"] for result in brought.of("tests", outcome="skipped"))
    return text + "".join(f"\n- {count} left out: {reason}" for reason, count in why.most_common()) + "\n"


def others_table(brought: Brought) -> str:
    """Show what other libraries made of our frames, and what the sanitizer said."""
    rows = []
    for stage in ("tensors", "sanitizer"):
        for result in brought.of(stage):
            kept = ("version", "frames", "paths", "pinned", "said", "skipped")
            told = {key: str(result[key])[:200] for key in kept if result.get(key)}
            rows.append([stage, result.get("test", "-"), result["outcome"], str(told) if told else "-"])
    return table("stage | program | outcome | what it said", rows) if rows else "none\n"


def page(brought: Brought, tables: str, aims: str) -> str:
    """Write the page of a lane."""
    folder = brought.name
    kit = brought.status["kit"]
    steps = [result["tables"] for result in brought.of("steps", what="tables")]
    plots = "\n\n".join(
        f"![{title}]({folder}/{name}.svg)"
        for name, title in (
            ("latency", "Time from sending to the last byte on the device"),
            ("copies", "GB/s by the size of a copy"),
            ("scaling", "GB/s by the number of consumers"),
        )
        if (RESULTS / folder / f"{name}.svg").exists()
    )
    return f"""# {brought.device}, {brought.status["began"][:10]}

`make gpu-kit`, `run-on-gpu.sh OUT --minutes {brought.status["minutes"]:g}` there, `make gpu-results OUT=...`
here; built of commit `{kit["commit"]}` in release by {kit["compiler"]}.
What the columns mean stands in [`benches/README.md`](../README.md).
[The record]({folder}/record.json), [raw samples]({folder}/samples.csv.gz) (at full speed every tenth),
[every result of every stage]({folder}/results.jsonl).

## Aims

{aims}
## How the stages ended

{stages_table(brought)}
## First look

{look_table(brought)}
{machine_lines(brought)}
## Cameras, copies, registrations

{plots}

{tables}
## Registration by itself

{"".join(steps) if steps else "not measured"}

## The project's tests on this driver

{tests_table(brought)}
## Other libraries

{others_table(brought)}
## What failed

{fails(brought)}"""


def record(brought: Brought, tool: Path, documents: list[Path]) -> Path:
    """Write page, folder and documents; give the page."""
    if brought.status["device"] == DOUBLE:
        raise Refused("this is a lane of the driver double, whose figures mean nothing")
    folder = RESULTS / brought.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(brought.out / "results.jsonl", folder)
    tables, aims = "No camera was measured.\n", "None was measured.\n"
    if (brought.out / "camera" / "record.json").exists():
        for name in ("record.json", "samples.csv.gz"):
            if (brought.out / "camera" / name).exists():
                shutil.copy(brought.out / "camera" / name, folder)
        only = [word for place in PLACES for word in ("--only", place)]
        words = [str(tool), "tables", str(folder / "record.json"), *only, *map(str, documents)]
        subprocess.run(words, check=True)
        text = (folder / "tables.md").read_text()
        # Those that follow have no place of their own on the page.
        tables, _, rest = text.partition("\n### Aims\n\n")
        aims, _, left_out = rest.partition("\n### Left out\n\n")
        tables += f"\n### Left out\n\n{left_out}" if left_out else ""
        (folder / "tables.md").unlink()
    path = folder.with_suffix(".md") if "." not in folder.name else RESULTS / f"{folder.name}.md"
    path.write_text(page(brought, tables, aims))
    return path


def main() -> None:
    """Record a lane."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="the folder that run-on-gpu.sh wrote")
    parser.add_argument("--tool", type=Path, default=ROOT / "target" / "release" / "camera-bench")
    parser.add_argument("--documents", type=Path, nargs="*", default=list(DOCUMENTS))
    asked = parser.parse_args()
    try:
        brought = Brought.read(asked.out)
        path = record(brought, asked.tool, asked.documents)
    except Refused as error:
        sys.exit(str(error))
    text = path.read_text()
    print(text[text.index("## Aims") : text.index("## First look")])
    print(f"written: {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}")


if __name__ == "__main__":
    main()
