"""Weights loaded once into pinned shared memory, and used by every worker of a host.

A server of models (``zenoh-pinned models serve``, or a `Registry` and its `Server`) reads a model's file
once. Every process of the user attaches the weights, without a copy and read-only, and copies them to its GPU
by DMA from where they lie. A worker that died is back without reading a disk.

- `attach`, `unload`, `statistics`: of a server. Where there is none, `attach` loads the file into this
  process, and `Weights.reason` says so.
- `Weights`: the tensors by their names.
- `Registry`, `Server`: models of this process, and their way to others.
- `serve`, `InferenceRequest`: in the program of a worker that answers clients of the Open Inference Protocol.
- `ModelsError` and its subclasses.

>>> from zenoh_pinned import models
>>> with models.Registry(time_to_live=30) as registry:
...     try:
...         weights = registry.load("ocr", "no such file.safetensors")
...     except models.FormatError as error:
...         print(error.kind)
format
"""

from zenoh_pinned.models._client import attach, statistics, unload
from zenoh_pinned.models._decoding import DecodeError
from zenoh_pinned.models._encoding import EncodeError
from zenoh_pinned.models._errors import (
    AttachError,
    CapacityError,
    ChangedError,
    FormatError,
    LoadTimeout,
    ModelsError,
    NoServer,
    NotLoaded,
    OtherSource,
    OverQuota,
    ReadError,
)
from zenoh_pinned.models._inference import InferenceAnswer, InferenceRequest
from zenoh_pinned.models._registry import Registry, Server
from zenoh_pinned.models._serving import serve
from zenoh_pinned.models._weights import Port, Weights

__all__ = [
    "AttachError",
    "CapacityError",
    "ChangedError",
    "DecodeError",
    "EncodeError",
    "FormatError",
    "InferenceAnswer",
    "InferenceRequest",
    "LoadTimeout",
    "ModelsError",
    "NoServer",
    "NotLoaded",
    "OtherSource",
    "OverQuota",
    "Port",
    "ReadError",
    "Registry",
    "Server",
    "Weights",
    "attach",
    "serve",
    "statistics",
    "unload",
]

for _name in __all__:
    globals()[_name].__module__ = "zenoh_pinned.models"
