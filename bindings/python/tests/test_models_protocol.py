"""A server of models beside an unmodified client of Triton's: each call, each datatype, each error."""

import grpc
import ml_dtypes
import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

DTYPES = {
    "BOOL": bool,
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "BF16": ml_dtypes.bfloat16,
    "FP32": "float32",
    "FP64": "float64",
}
CONTENTS = {
    "BOOL": ("bool_contents", [True, False, True]),
    "UINT8": ("uint_contents", [0, 7, 255]),
    "UINT16": ("uint_contents", [0, 7, 65535]),
    "UINT32": ("uint_contents", [0, 7, 4294967295]),
    "UINT64": ("uint64_contents", [0, 7, (1 << 64) - 1]),
    "INT8": ("int_contents", [-128, 7, 127]),
    "INT16": ("int_contents", [-32768, 7, 32767]),
    "INT32": ("int_contents", [-(1 << 31), 7, (1 << 31) - 1]),
    "INT64": ("int64_contents", [-(1 << 63), 7, (1 << 63) - 1]),
    "FP32": ("fp32_contents", [0.5, -7.0, 3.0e38]),
    "FP64": ("fp64_contents", [0.5, -7.0, 1.0e308]),
    "BYTES": ("bytes_contents", [b"one", b"", b"\x00\xff"]),
}


@pytest.fixture
def client(served):
    with triton.InferenceServerClient(served) as client:
        yield client


@pytest.fixture
def channel(served):
    with grpc.insecure_channel(served) as channel:
        yield channel


def tensor(name, array, datatype=None):
    datatype = datatype or triton._utils.np_to_triton_dtype(array.dtype)
    return triton.InferInput(name, array.shape, datatype).set_data_from_numpy(array)


def typed():
    return [tensor("x", np.ones((1, 3), "float32")), tensor("n", np.array([4, 5]))]


def refused(call, *arguments, **options):
    with pytest.raises(InferenceServerException) as caught:
        call(*arguments, **options)
    return caught.value.status().removeprefix("StatusCode."), caught.value.message()


def test_the_server_tells_of_itself(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    told = client.get_server_metadata(as_json=True)
    assert told["name"] == "zenoh-pinned"
    assert "model_repository" in told["extensions"]


def test_models_are_listed_loaded_and_unloaded(client):
    states = {model.name: model.state for model in client.get_model_repository_index().models}
    assert states["identity"] == "READY"
    if states["later"] == "READY":
        client.unload_model("later")
    assert not client.is_model_ready("later")
    assert refused(client.infer, "later", [])[0] == "UNAVAILABLE"
    client.load_model("later")
    assert client.is_model_ready("later", "1")
    assert not client.is_model_ready("later", "2")
    client.infer("later", [])
    client.unload_model("later", unload_dependents=True)
    assert not client.is_model_ready("later")
    assert not client.is_model_ready("none")
    assert refused(client.load_model, "none")[0] == "NOT_FOUND"
    assert refused(client.unload_model, "none")[0] == "NOT_FOUND"
    assert refused(client.load_model, "later", config="{}")[0] == "UNIMPLEMENTED"


def test_a_model_is_described(client):
    told = client.get_model_metadata("typed", "1", as_json=True)
    assert (told["name"], told["versions"]) == ("typed", ["1"])
    assert told["inputs"] == [
        {"name": "x", "datatype": "FP32", "shape": ["1", "-1"]},
        {"name": "n", "datatype": "INT64", "shape": ["2"]},
    ]
    config = client.get_model_config("typed").config
    assert [(port.name, port.data_type, list(port.dims)) for port in config.output] == [
        ("x", 11, [1, -1]),
        ("n", 9, [2]),
    ]
    for call in (client.get_model_metadata, client.get_model_config):
        assert refused(call, "none")[0] == "NOT_FOUND"
        assert refused(call, "typed", "2")[0] == "NOT_FOUND"


def test_statistics_are_counted(client):
    before = client.get_inference_statistics("identity").model_stats[0]
    client.infer("identity", [])
    after = client.get_inference_statistics("identity").model_stats[0]
    assert after.inference_count > before.inference_count
    assert after.inference_stats.success.count == after.inference_count
    assert after.last_inference > 1_500_000_000_000
    assert len(client.get_inference_statistics().model_stats) >= 4
    assert refused(client.get_inference_statistics, "none")[0] == "INVALID_ARGUMENT"


def test_memory_cannot_be_registered(client):
    assert len(client.get_system_shared_memory_status().regions) == 0
    assert len(client.get_cuda_shared_memory_status().regions) == 0
    code, words = refused(client.register_system_shared_memory, "a", "/a", 64)
    assert code == "UNIMPLEMENTED"
    assert "register" in words
    assert refused(client.register_cuda_shared_memory, "a", b"YQ==", 0, 64)[0] == "UNIMPLEMENTED"
    client.unregister_system_shared_memory()
    client.unregister_cuda_shared_memory()
    shared = triton.InferInput("x", [1], "UINT8").set_shared_memory("a", 1)
    assert refused(client.infer, "identity", [shared])[0] == "UNIMPLEMENTED"
    output = triton.InferRequestedOutput("x")
    output.set_shared_memory("a", 1)
    assert refused(client.infer, "identity", [], outputs=[output])[0] == "UNIMPLEMENTED"


def test_settings_are_not_there(client):
    for call in (client.get_trace_settings, client.get_log_settings):
        code, words = refused(call)
        assert code == "UNIMPLEMENTED"
        assert "here" in words


@pytest.mark.parametrize("datatype", DTYPES)
def test_every_datatype_goes_there_and_back_raw(client, datatype):
    dtype = np.dtype(DTYPES[datatype])
    data = np.arange(6 * dtype.itemsize, dtype="uint8") % (2 if datatype == "BOOL" else 251)
    sent = data.view(dtype).reshape(2, 3)
    result = client.infer("identity", [tensor("x", sent, datatype)], request_id="r")
    received = result.as_numpy("x")
    assert received.dtype == dtype
    assert (received.shape, received.tobytes()) == (sent.shape, sent.tobytes())
    assert result.get_output("x").datatype == datatype
    assert result.get_response().id == "r"


@pytest.mark.parametrize("sent", [[b"one", b"", b"\x00\xff"], [], [b"x" * 100_000]])
def test_bytes_go_there_and_back_raw(client, sent):
    array = np.array(sent, object)
    result = client.infer("identity", [tensor("x", array, "BYTES")])
    assert result.as_numpy("x").tolist() == sent


@pytest.mark.parametrize("datatype", CONTENTS)
def test_every_datatype_goes_there_typed(channel, datatype):
    field, values = CONTENTS[datatype]
    asked = service_pb2.ModelInferRequest(model_name="identity")
    given = asked.inputs.add(name="x", datatype=datatype, shape=[3])
    getattr(given.contents, field).extend(values)
    answer = triton.service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(asked)
    received = triton.InferResult(answer).as_numpy("x")
    expected = values if datatype == "BYTES" else np.array(values, DTYPES[datatype]).tolist()
    assert received.tolist() == expected


def test_shapes_of_all_kinds_go_there_and_back(client):
    for shape in [(), (0,), (0, 5), (1,) * 16, (3, 1, 2)]:
        sent = np.ones(shape, "float32")
        result = client.infer("identity", [tensor("x", sent)])
        assert result.as_numpy("x").shape == shape


def test_a_large_tensor_goes_there_and_back(client):
    sent = np.random.default_rng(7).integers(0, 256, 60 << 20, "uint8")
    result = client.infer("identity", [tensor("x", sent)])
    assert np.array_equal(result.as_numpy("x"), sent)
    code, words = refused(client.infer, "identity", [tensor("x", np.zeros(65 << 20, "uint8"))])
    assert code == "RESOURCE_EXHAUSTED"
    assert "67108864" in words
    client.infer("identity", typed())


def test_outputs_are_those_that_are_wanted(client):
    wanted = [triton.InferRequestedOutput("n"), triton.InferRequestedOutput("x")]
    result = client.infer("typed", typed(), outputs=wanted)
    assert [output.name for output in result.get_response().outputs] == ["n", "x"]
    result = client.infer("typed", typed(), outputs=wanted[:1])
    assert result.as_numpy("x") is None
    classes = triton.InferRequestedOutput("x", class_count=2)
    assert refused(client.infer, "typed", typed(), outputs=[classes])[0] == "UNIMPLEMENTED"
    other = triton.InferRequestedOutput("z")
    assert refused(client.infer, "typed", typed(), outputs=[other])[0] == "INVALID_ARGUMENT"


def test_parameters_go_with_a_request(client):
    sent = {"text": "ü", "flag": True, "whole": -3, "share": 0.1}
    answer = client.infer("identity", [], priority=2, timeout=5_000_000, parameters=sent).get_response()
    assert answer.parameters["text"].string_param == "ü"
    assert answer.parameters["flag"].bool_param is True
    assert answer.parameters["whole"].int64_param == -3
    assert answer.parameters["share"].double_param == 0.1
    # A worker has no types for whole numbers of other signs.
    assert answer.parameters["priority"].int64_param == 2


def test_a_request_that_does_not_fit_is_an_invalid_argument(client):
    x, n = typed()
    wrong = [
        [x],
        [x, x],
        [x, n, tensor("z", np.ones(1))],
        [tensor("x", np.ones((2, 3), "float32")), n],
        [tensor("x", np.ones(3, "float32")), n],
        [tensor("x", np.ones((1, 3), "float64")), n],
    ]
    for inputs in wrong:
        assert refused(client.infer, "typed", inputs)[0] == "INVALID_ARGUMENT"
    short = triton.InferInput("x", [2], "UINT8").set_data_from_numpy(np.zeros(2, "uint8")).set_shape([3])
    assert refused(client.infer, "identity", [short])[0] == "INVALID_ARGUMENT"
    unknown = triton.InferInput("x", [2], "UINT8").set_data_from_numpy(np.zeros(2, "uint8"))
    unknown._get_tensor().datatype = "UINT9"
    assert refused(client.infer, "identity", [unknown])[0] == "INVALID_ARGUMENT"
    empty = triton.InferInput("x", [2], "UINT8")
    assert refused(client.infer, "identity", [empty])[0] == "INVALID_ARGUMENT"


def test_errors_have_their_status(client):
    code, words = refused(client.infer, "none", [])
    assert (code, "unknown model" in words) == ("NOT_FOUND", True)
    assert refused(client.infer, "typed", typed(), model_version="7")[0] == "NOT_FOUND"
    code, words = refused(client.infer, "fails", [])
    assert (code, "made to fail" in words) == ("INTERNAL", True)


def test_a_deadline_is_the_headers_or_the_requests(client):
    slow = {"milliseconds": 3000}
    assert refused(client.infer, "slow", [], client_timeout=0.2, parameters=slow)[0] == "DEADLINE_EXCEEDED"
    assert refused(client.infer, "slow", [], timeout=200_000, parameters=slow)[0] == "DEADLINE_EXCEEDED"


def test_a_compressed_message_is_refused(client):
    code, _ = refused(client.infer, "identity", typed(), compression_algorithm="gzip")
    assert code == "UNIMPLEMENTED"
