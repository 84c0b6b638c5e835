"""Sessions of ONNX Runtime that read their weights where they lie, and keep none of their own.

A graph comes as the bytes of a ModelProto whose large tensors are elsewhere; the tensors come as arrays,
which may be read-only views of memory that many processes share. Three things keep a session from a copy:
`add_initializer` (`add_external_initializers` copies), no prepacking, and no optimisation, because what is
optimised is a copy. What optimisation is worth, `optimise` gives back: once, before the weights are shared.
Knowingly weak: a large product of matrices is up to twice as slow as with prepacked weights.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnxruntime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

LOCATION = "zenoh-pinned"  # what a graph has for the file of a tensor that is not in it
CPU = ["CPUExecutionProvider"]


def session(
    graph: bytes, weights: Mapping[str, NDArray[Any]], *, threads: int = 1
) -> onnxruntime.InferenceSession:
    """Return a session that reads `weights` in place, and holds them for as long as there is the session.

    Raises `ValueError` for an array that is not contiguous, which could only be used as a copy.
    """
    options = _options(threads)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "1")
    values = {}
    for name, array in weights.items():
        if not array.flags.c_contiguous:
            msg = f"the weights {name} are not contiguous: give them as they lie in memory"
            raise ValueError(msg)
        values[name] = onnxruntime.OrtValue.ortvalue_from_numpy(array)
        options.add_initializer(name, values[name])
    with tempfile.TemporaryDirectory() as folder:
        # Newer versions want the file to be there, and do not read it. Empty, it cannot be taken for weights.
        (Path(folder) / LOCATION).touch()
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
        made: Any = onnxruntime.InferenceSession(graph, options, providers=CPU)
    made.weights = values  # the session itself has but addresses
    return made


def optimise(model: Path, optimised: Path) -> None:
    """Write the model as ONNX Runtime would have it on this processor: operators fused, weights reordered.

    The result is for processors of this kind and this version of ONNX Runtime: make it where it is used.
    """
    options = _options(1)
    options.log_severity_level = 3  # it warns that the file is for this processor
    options.optimized_model_filepath = str(optimised)
    onnxruntime.InferenceSession(str(model), options, providers=CPU)


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # processors are shared
    return options
