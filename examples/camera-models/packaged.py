"""Where the models are: in packages that are read but not imported, as what they import is not needed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

DETECTOR = ("rapidocr-onnxruntime==1.4.4", "models/ch_PP-OCRv4_det_infer.onnx")
RECOGNISER = ("rapidocr-onnxruntime==1.4.4", "models/ch_PP-OCRv4_rec_infer.onnx")
VOICE = ("silero-vad==6.2.3", "data/silero_vad_16k.safetensors")


def path_of(model: tuple[str, str]) -> Path:
    """Return where a model is; `FileNotFoundError` says what to install."""
    package, name = model
    found = find_spec(package.partition("==")[0].replace("-", "_"))
    for folder in (found.submodule_search_locations if found else None) or ():
        if (Path(folder) / name).is_file():
            return Path(folder) / name
    msg = f"the package {package} with {name} is not there: pip install --no-deps {package}"
    raise FileNotFoundError(msg)
