"""Prints what a child can do whose parent has copied to a device, or has done nothing."""

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
import zenoh_pinned

from forks import child, error_of
from meeting import ALONE


def of_a_parent_with_a_device():
    buffer = zenoh_pinned.to_device(np.arange(8, dtype="uint8"), "cuda:0")
    buffer.synchronize()

    def work():
        auto = zenoh_pinned.to_device(np.zeros(8), "auto")
        return {
            "array": zenoh_pinned.frame(np.arange(3)).numpy().tolist(),
            "lend": error_of(lambda: buffer.__cuda_array_interface__),
            "to_host": error_of(buffer.to_host),
            "synchronize": error_of(buffer.synchronize),
            "to_device": error_of(lambda: zenoh_pinned.to_device(np.zeros(8), "cuda:0")),
            "auto": [auto.path, str(auto.reason)],
        }

    answers = child(work)
    assert buffer.to_host().tolist() == list(range(8))
    return answers


def of_a_parent_with_nothing():
    def work():
        copied = zenoh_pinned.to_device(np.arange(8, dtype="uint8"), "cuda:0")
        with zenoh_pinned.Session(ALONE) as session:
            publisher = session.declare_publisher("a", 4096)
            return {"to_device": copied.to_host().tolist(), "shared": publisher.pool.reason is None}

    return child(work)


print(json.dumps(globals()[sys.argv[1]]()))
