"""A worker of a model that ``zenoh-pinned models serve`` offers to clients of the Open Inference Protocol."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zenoh_pinned.models._client import attach
from zenoh_pinned.models._inference import InferenceAnswer, InferenceRequest
from zenoh_pinned.workers import Request, Worker, current

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zenoh_pinned.models._datatypes import Array
    from zenoh_pinned.models._weights import Weights

    Infer = Callable[[InferenceRequest], Mapping[str, Array] | InferenceAnswer]

_MODEL = "ZENOH_PINNED_MODEL"
_SERVER = "ZENOH_PINNED_MODELS_SERVER"
# A shorter answer goes within a message.
_SHORT = 4096


def serve(load: Callable[[Weights], Infer]) -> None:
    """Serve a model, here and now, until the process is asked to end.

    `load` is called once with the weights, which this process attaches, and returns what is called with each
    `InferenceRequest` and returns the outputs by their names, or an `InferenceAnswer`. What that raises fails
    the request alone; what `load` raises is what the server says of the model. The arrays of a request are
    views of shared memory, read-only. In a process that no server has started this returns at once, so that
    tests can call `load`.

    Raise as `workers.Worker.connect`.

    >>> from zenoh_pinned import models
    >>> def load(weights):
    ...     scale = weights["scale"].numpy()
    ...     return lambda request: {"scaled": request.inputs["x"] * scale}
    >>> models.serve(load)
    """
    if _MODEL not in os.environ:
        return
    worker = Worker.connect()
    try:
        weights = attach(os.environ[_MODEL], server=os.environ.get(_SERVER, "default"))
        infer = load(weights)
    except Exception as error:
        worker.fail(f"{type(error).__name__}: {error}")
        raise
    worker.serve(lambda batch: [_answer(infer, request) for request in batch])


def _answer(infer: Infer, asked: Request) -> object:
    try:
        request = InferenceRequest.decode(asked)
        given = infer(request)
        answer = given if isinstance(given, InferenceAnswer) else InferenceAnswer(outputs=dict(given))
        answer.model_name = request.model_name
        answer.model_version = request.model_version
        answer.id = request.id
        if request.outputs:
            given = answer.outputs
            answer.outputs = {name: given[name] for name in request.outputs if name in given}
        encoder = answer.encoder()
        if encoder.nbytes <= _SHORT:
            return encoder.encoded()
        slot = current().allocate(encoder.nbytes)
        with slot as memory:
            encoder.write_into(memory.data)
        del memory
    except Exception as error:
        # Its traceback refers to views of the request.
        return error.with_traceback(None)
    return slot
