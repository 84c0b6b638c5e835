"""A process that has weights and reads all of them: ``reader.py ARM FILE [SERVER]``.

It says ``base PID`` once everything that the arm needs is imported, waits for a line, gets the weights its
way, reads each of them, says ``read VALUE``, the greatest one, and keeps them until its input is closed.
Where the arm's library is missing it says ``skipped WHY`` instead.

| arm | way |
|---|---|
| ``attach`` | `zenoh_pinned.models.attach`, of the server |
| ``numpy`` | `safetensors.numpy.load_file` |
| ``torch`` | `safetensors.torch.load_file` |
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # What has a greatest element.
    Load = Callable[[str, str], Mapping[str, Any]]


def by_attach() -> Load:
    """Import what `attach` needs."""
    models = importlib.import_module("zenoh_pinned.models")

    def load(path: str, server: str) -> Mapping[str, Any]:
        weights = models.attach("weights", path, server=server, fall_back=False)
        return {name: weights[name].numpy() for name in weights}

    return load


def by_load_file(module: str) -> Load:
    """Import what reads files into arrays, or into tensors."""
    reading = importlib.import_module(module)
    return lambda path, _server: reading.load_file(path)


WAYS: dict[str, Callable[[], Load]] = {
    "attach": by_attach,
    "numpy": lambda: by_load_file("safetensors.numpy"),
    "torch": lambda: by_load_file("safetensors.torch"),
}


def main() -> None:
    """Do what the command line says."""
    arm, path, *server = sys.argv[1:]
    try:
        load = WAYS[arm]()
    except ImportError as error:
        print(f"skipped {error}", flush=True)
        return
    # So that NumPy's code for it is in memory already.
    np.arange(1000, dtype="float32").max()
    print(f"base {os.getpid()}", flush=True)
    weights: Mapping[str, Any] = {}
    for _ in sys.stdin:
        weights = load(path, "".join(server))
        print(f"read {max(float(tensor.max()) for tensor in weights.values())}", flush=True)


if __name__ == "__main__":
    main()
