"""A session reads shared weights in place, answers as one of the file does, and misses none silently."""

import gc
import json

import numpy as np
import pytest
from zenoh_pinned import models

from camera_models import EXAMPLE, products
from conftest import script
from engine import onnxruntime, optimise, session
from packaged import DETECTOR, RECOGNISER, path_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "small.onnx").write_bytes(products(1, 64))
    (folder / "large.onnx").write_bytes(products(4, 2048))
    return folder


@pytest.fixture
def private(folder):
    def private(path, how, shape):
        words = [EXAMPLE, how, folder / "small.onnx", path, json.dumps(shape)]
        with script("session_memory.py", *words) as process:
            said = process.stdout.read()
            assert process.wait(120) == 0
        return json.loads(said)

    return private


def test_a_session_has_no_copy_of_its_weights(folder, private):
    path = folder / "large.onnx"
    shared, own = (private(path, how, [2, 2048]) for how in ("shared", "file"))
    assert shared["private"] < 0.05 * path.stat().st_size
    assert own["private"] > 0.9 * path.stat().st_size, "of the file, there is a copy: this test can fail"
    np.testing.assert_allclose(shared["answer"], own["answer"], atol=1e-5)


@pytest.mark.parametrize("optimised", [False, True], ids=["as it is", "optimised"])
@pytest.mark.parametrize(("model", "shape"), [(DETECTOR, [1, 3, 96, 160]), (RECOGNISER, [1, 3, 48, 320])])
def test_a_real_model_answers_the_same_with_shared_weights(model, shape, optimised, tmp_path, private):
    path = source = path_of(model)
    if optimised:
        path = tmp_path / "optimised.onnx"
        optimise(source, path)
    with models.Registry() as registry:
        assert registry.load("model", path).nbytes > 0.95 * source.stat().st_size, (
            "all that is large is shared"
        )
    shared, own = private(path, "shared", shape), private(source, "file", shape)
    # What is left is the graph: some 2.5 MB, whatever the weights are.
    assert shared["private"] < 0.35 * own["private"]
    np.testing.assert_allclose(shared["answer"], own["answer"], atol=2e-3)


def graph_and_copies(folder, layers):
    (folder / "model.onnx").write_bytes(products(layers, 64))
    with models.Registry() as registry:
        weights = registry.load("model", folder / "model.onnx")
        return bytes(weights.graph), {name: weights[name].numpy().copy() for name in weights}


def test_weights_are_read_where_they_lie(tmp_path):
    graph, weights = graph_and_copies(tmp_path, 1)
    made = session(graph, weights)
    given = {"x0": np.ones((1, 64), np.float32)}
    assert made.run(None, given)[0].any()
    weights["matrix0"][:] = 0
    assert not made.run(None, given)[0].any()


def test_a_lease_lasts_as_long_as_its_session(folder):
    with models.Registry(time_to_live=0.0) as registry:
        weights = registry.load("model", folder / "large.onnx")
        made = session(bytes(weights.graph), {name: weights[name].numpy() for name in weights})
        del weights
        gc.collect()
        assert registry.statistics()["models"][0]["leases"] == 1
        assert np.isfinite(made.run(None, {"x0": np.ones((1, 2048), np.float32)})[0]).all()
        del made
        gc.collect()
        assert not any(model["leases"] for model in registry.statistics()["models"])


def test_missing_weights_are_an_error_that_names_them(tmp_path):
    graph, weights = graph_and_copies(tmp_path, 2)
    del weights["matrix1"]
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.Fail, match="matrix1"):
        session(graph, weights)


def test_weights_that_would_have_to_be_copied_are_refused(tmp_path):
    graph, weights = graph_and_copies(tmp_path, 1)
    weights["matrix0"] = weights["matrix0"].T
    with pytest.raises(ValueError, match="matrix0 are not contiguous"):
        session(graph, weights)
