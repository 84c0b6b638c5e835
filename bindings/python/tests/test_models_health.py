"""The health protocol beside gRPC's own client."""

import grpc
import pytest
import tritonclient.grpc as triton
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

SERVING = HealthCheckResponse.SERVING
NOT_SERVING = HealthCheckResponse.NOT_SERVING


@pytest.fixture
def client(served):
    with triton.InferenceServerClient(served) as client:
        yield client


@pytest.fixture
def channel(served):
    with grpc.insecure_channel(served) as channel:
        yield channel


def test_health_is_checked(channel):
    health = HealthStub(channel)
    assert health.Check(HealthCheckRequest()).status == SERVING
    assert health.Check(HealthCheckRequest(service="identity")).status == SERVING
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(HealthCheckRequest(service="none"))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_health_is_watched(channel, client):
    client.load_model("later")
    watched = HealthStub(channel).Watch(HealthCheckRequest(service="later"))
    assert next(watched).status == SERVING
    client.unload_model("later")
    assert next(watched).status == NOT_SERVING
    watched.cancel()
    unknown = HealthStub(channel).Watch(HealthCheckRequest(service="none"))
    assert next(unknown).status == HealthCheckResponse.SERVICE_UNKNOWN
    unknown.cancel()
