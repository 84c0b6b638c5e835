"""Dataflows of small nodes, run by the released dora CLI."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

NODES = Path(__file__).parent / "nodes"


class Journal(list):
    """What one node noted, in order."""

    def of(self, key):
        return [entry[key] for entry in self if key in entry]


def node(name, program, *, inputs=None, outputs=(), **environment):
    described = {
        "id": name,
        "path": str(NODES / program),
        "env": {key: str(value) for key, value in environment.items()},
    }
    if inputs:
        described["inputs"] = inputs
    if outputs:
        described["outputs"] = list(outputs)
    return described


def run(folder, *nodes, environment=None):
    """Run a dataflow to its end, and return the journals of its nodes."""
    dora = shutil.which("dora", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if dora is None:
        pytest.skip("dora's CLI is not installed (`make test` does)")
    journals = {}
    for described in nodes:
        journal = folder / f"{described['id']}.journal"
        journal.touch()
        journals[described["id"]] = journal
        described["env"]["JOURNAL"] = str(journal)
    (folder / "dataflow.yml").write_text(yaml.safe_dump({"nodes": list(nodes)}))
    environment = {
        **os.environ,
        "VIRTUAL_ENV": str(Path(sys.executable).parent.parent),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **(environment or {}),
    }
    log = (folder / "log").open("w+")
    process = subprocess.run(
        [dora, "run", "dataflow.yml"],
        cwd=folder,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    log.seek(0)
    assert process.returncode == 0, log.read()
    return {
        name: Journal(json.loads(line) for line in journal.read_text().splitlines())
        for name, journal in journals.items()
    }
