"""A process of its own: how many private bytes a session of ONNX Runtime takes, and what it answers."""

import gc
import json
import sys

sys.path.insert(0, sys.argv[1])

import numpy as np
import onnxruntime
from zenoh_pinned import models

from engine import CPU, session
from memory import memory_of


def shared(path):
    """A session of weights in shared memory."""
    with models.Registry() as registry:
        weights = registry.load("model", path)
        return session(bytes(weights.graph), {name: weights[name].numpy() for name in weights})


def of_the_file(path):
    return onnxruntime.InferenceSession(path, providers=CPU)


def main():
    make = {"shared": shared, "file": of_the_file}[sys.argv[2]]
    small, path, shape = *sys.argv[3:5], json.loads(sys.argv[5])
    make(small)  # what the libraries take the first time they do anything is not a session's
    gc.collect()
    before = memory_of().own
    made = make(path)
    gc.collect()
    after = memory_of().own
    given = {made.get_inputs()[0].name: np.random.default_rng(2).random(shape, np.float32)}
    answer = made.run(None, given)[0]
    print(json.dumps({"private": after - before, "answer": answer.ravel()[:2000].tolist()}))


main()
