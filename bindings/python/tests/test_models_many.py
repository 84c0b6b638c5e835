"""Many requests at once: none is lost, none is answered twice, and what is refused is refused as such."""

import collections
import queue
import threading

import numpy as np
import pytest
import tritonclient.grpc as triton

REQUESTS = 10_000
# Each client has a connection of its own.
CLIENTS = 4
# How many requests the server lets be under way.
UNDER_WAY = 4096


def tensor(number):
    array = np.full(1 + number % 50, number, "int32")
    return triton.InferInput("x", array.shape, "INT32").set_data_from_numpy(array)


@pytest.fixture
def clients(served):
    options = [("grpc.use_local_subchannel_pool", 1)]
    clients = [triton.InferenceServerClient(served, channel_args=options) for _ in range(CLIENTS)]
    yield clients
    for client in clients:
        client.close()


def test_ten_thousand_requests_under_way_at_once(clients):
    answers = queue.SimpleQueue()
    for number in range(REQUESTS):
        # The first ones keep the workers busy until all of them are under way.
        wait = {"milliseconds": 4000 if number < 2 else 0}
        clients[number % CLIENTS].async_infer(
            "many",
            [tensor(number)],
            lambda result, error, number=number: answers.put((number, result, error)),
            request_id=str(number),
            parameters=wait,
        )
    answered, refused = collections.Counter(), collections.Counter()
    for _ in range(REQUESTS):
        number, result, error = answers.get(timeout=120)
        if error is None:
            answered[number] += 1
            assert result.get_response().id == str(number)
            assert result.as_numpy("x").tolist() == [number] * (1 + number % 50)
        else:
            refused[number] += 1
            assert error.status() == "StatusCode.RESOURCE_EXHAUSTED", error
            assert "as many as may" in error.message()
    assert answers.empty()
    assert set((answered + refused).values()) == {1}
    assert len(answered) + len(refused) == REQUESTS
    assert len(answered) >= UNDER_WAY
    assert clients[0].infer("identity", [tensor(3)]).as_numpy("x").tolist() == [3] * 4


def test_a_request_that_is_cancelled_ends(clients):
    ended = threading.Event()
    errors = []

    def end(result, error):
        errors.append(error)
        ended.set()

    context = clients[0].async_infer("slow", [], end, parameters={"milliseconds": 3000})
    context.cancel()
    assert ended.wait(30)
    assert errors[0].status() == "StatusCode.CANCELLED"


def test_a_stream_answers_in_order(clients):
    client, answers = clients[0], queue.SimpleQueue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    for number in range(1000):
        model = "fails" if number % 100 == 99 else "identity"
        wait = {"milliseconds": 20 if number % 7 == 0 else 0}
        client.async_stream_infer(model, [tensor(number)], request_id=str(number), parameters=wait)
    for number in range(1000):
        result, error = answers.get(timeout=60)
        if number % 100 == 99:
            assert "made to fail" in error.message()
        else:
            assert error is None
            assert result.get_response().id == str(number)
            assert result.as_numpy("x").tolist() == [number] * (1 + number % 50)
    client.stop_stream()
    assert answers.empty()


def test_a_stream_ends_at_its_deadline(clients):
    client, answers = clients[0], queue.SimpleQueue()
    client.start_stream(lambda result, error: answers.put((result, error)), stream_timeout=0.5)
    client.async_stream_infer("slow", [], parameters={"milliseconds": 3000})
    _, error = answers.get(timeout=60)
    # The call ends, or the request within it, whichever is seen first.
    assert error.status() == "StatusCode.DEADLINE_EXCEEDED" or "by its deadline" in error.message()
    client.stop_stream()
