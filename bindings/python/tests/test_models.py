"""Weights in shared memory: loaded once, seen by all, and gone with their last lease."""

import inspect
import json
import os
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest
import zenoh_pinned
from zenoh_pinned import models

from conftest import script

NAMES = {
    "float32": "F32",
    "float64": "F64",
    "float16": "F16",
    "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "int8": "I8",
    "int64": "I64",
    "uint16": "U16",
    "bool": "BOOL",
}


def written(path, arrays):
    """A safetensors file of these arrays."""
    header, data = {}, b""
    for name, array in arrays.items():
        end = len(data) + array.nbytes
        header[name] = {
            "dtype": NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [len(data), end],
        }
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


@pytest.fixture
def arrays():
    random = np.random.default_rng(7)
    whole = random.integers(0, 2, (3, 4)).astype(bool)
    made = {"mask": whole, "none": np.zeros((0, 3), "float32"), "scalar": np.float64(2.5).reshape(())}
    for name in NAMES:
        dtype = np.dtype(getattr(ml_dtypes, name, None) or name)
        made[f"a {name}"] = random.integers(0, 100, (5, 7)).astype(dtype)
    made["large"] = random.random((300, 400)).astype("float32")
    return made


@pytest.fixture
def place(tmp_path):
    """The name of a server that no other test has."""
    return f"test-{os.getpid()}-{abs(hash(str(tmp_path))) % 100000}"


def test_every_tensor_is_what_the_file_says_whatever_its_type(tmp_path, arrays):
    path = written(tmp_path / "m.safetensors", arrays)
    with models.Registry(shard_bytes=100_000) as registry:
        weights = registry.load("m", path)
    assert dict(weights).keys() == arrays.keys()
    for name, array in arrays.items():
        tensor = weights[name]
        assert (tensor.shape, tensor.dtype) == (array.shape, array.dtype.name)
        assert tensor.numpy().tobytes() == array.tobytes(), name
        assert not tensor.numpy().flags.writeable
    assert len(weights.shards) > 1
    assert weights.first_changed_shard() is None
    assert "nothing" not in weights
    with pytest.raises(KeyError):
        weights["nothing"]


def test_a_view_keeps_the_lease(tmp_path, arrays):
    path = written(tmp_path / "m.safetensors", arrays)
    with models.Registry(time_to_live=0.0) as registry:
        view = registry.load("m", path)["large"].numpy()
        assert registry.statistics()["models"][0]["leases"] == 1
        assert np.array_equal(view, arrays["large"])
        del view
        assert not any(model["leases"] for model in registry.statistics()["models"])


def test_all_who_ask_share_one_load_and_one_copy(tmp_path, arrays):
    path = written(tmp_path / "m.safetensors", arrays)
    with models.Registry() as registry:
        first, second = registry.load("m", path), registry.load("m", path)
        assert first["large"].numpy().ctypes.data == second["large"].numpy().ctypes.data
        assert registry.statistics()["loads"] == 1
        assert "own registry" in first.reason


def test_another_process_attaches_what_a_server_has(tmp_path, arrays, place):
    path = written(tmp_path / "m.safetensors", arrays)
    program = f"""
import os, zenoh_pinned
from zenoh_pinned import models
weights = models.attach("m", {str(path)!r}, server={place!r})
print(weights.reason, float(weights["large"].numpy().sum()), models.statistics(server={place!r})["loads"])
os.kill(os.getpid(), 9)
"""
    with models.Registry() as registry, models.Server(registry, place) as server:
        assert place in server.place
        for _ in range(3):
            done = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
            )
            expected = f"None {float(arrays['large'].sum())} 1"
            assert done.stdout.strip() == expected, done.stderr
        assert models.unload("m", server=place) == 0
        assert registry.statistics()["models"] == []


def test_without_a_server_the_file_is_loaded_here_and_the_reason_says_so(tmp_path, arrays, place):
    path = written(tmp_path / "m.safetensors", arrays)
    with pytest.raises(models.NoServer, match="models serve"):
        models.attach("m", server=place)
    weights = models.attach("m", path, server=place)
    assert "models serve" in weights.reason
    assert np.array_equal(weights["large"].numpy(), arrays["large"])
    with pytest.raises(models.NoServer):
        models.attach("other", path, server=place, fall_back=False)
    with models.Registry() as registry, models.Server(registry, place):
        assert models.attach("m", path, server=place).reason is None


def test_what_does_not_fit_says_who_holds_the_rest(tmp_path, place):
    paths = [written(tmp_path / f"{name}.safetensors", {"a": np.zeros(100_000, "float32")}) for name in "ab"]
    with models.Registry(max_bytes=600_000) as registry:
        held = registry.load("a", paths[0])
        with pytest.raises(models.CapacityError) as refused:
            registry.load("b", paths[1])
        error = refused.value
        assert error.needed_bytes > error.free_bytes
        assert error.holders[0][0] == "a"
        assert error.holders[0][2] == [os.getpid()]
        assert isinstance(error, MemoryError)
        assert "max_bytes=" in str(error)
        del held
        registry.load("b", paths[1])
    with models.Registry(session_bytes=1000) as registry:
        with pytest.raises(models.OverQuota) as refused:
            registry.load("a", paths[0])
        assert refused.value.quota_bytes == 1000
        assert "session_bytes" in str(refused.value)


def test_mistakes_say_what_is_wrong(tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with models.Registry() as registry:
        with pytest.raises(models.FormatError, match=r"m\.safetensors"):
            registry.load("m", path)
        with pytest.raises(models.NotLoaded):
            registry.load("m")
        with pytest.raises(models.NotLoaded):
            registry.unload("m")
        with pytest.raises(ValueError, match="name"):
            registry.load("a/b", path)
        with pytest.raises(ValueError, match="name"):
            models.Server(registry, "no/name")
    with pytest.raises(ConnectionError):
        registry.load("m", path)


def test_weights_reach_a_device_and_nothing_stays_registered(driver, tmp_path):
    report = tmp_path / "driver.json"
    environment = {**driver, "CUDA_DOUBLE_REPORT": str(report), "CUDA_DOUBLE": "copy_delay_us=2000"}
    with script("device_programs.py", "weights_on_the_device", environment=environment) as process:
        output = process.stdout.read()
        assert process.wait(60) == 0, output
    assert output.startswith("ok"), output
    said = json.loads(report.read_text())
    assert said["violations"] == []
    assert not report.with_name("driver.json.late").exists()


def test_the_examples_do_what_they_show():
    with script("docstrings.py", "run", *(f"models.{name}" for name in models.__all__)) as process:
        output = process.stdout.read()
        assert process.wait(60) == 0, output


def test_everything_public_is_documented():
    assert models.__doc__
    for name in models.__all__:
        thing = getattr(models, name)
        assert thing.__doc__, name
        for attribute in vars(thing) if isinstance(thing, type) else ():
            if not attribute.startswith("_"):
                assert inspect.getdoc(getattr(thing, attribute)), f"{name}.{attribute}"
    assert zenoh_pinned.models is models
