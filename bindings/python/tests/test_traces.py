"""Traces of frames, as a collector of OpenTelemetry receives them."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import dataflow

PROGRAM = """
import zenoh_pinned

with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
    frames = session.declare_subscriber("camera/traced")
    publisher = session.declare_publisher("camera/traced", frame_bytes=5000)
    for _ in range(3):
        with publisher.allocate(5000) as image:
            image[:] = 1
        frames.recv(10)
print("received")
"""


class Collector:
    """Takes OTLP over HTTP, and keeps what was sent."""

    def __init__(self):
        self.bodies = bodies = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                assert self.path == "/v1/traces"
                assert self.headers["content-type"] == "application/x-protobuf"
                bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server.server_port}"


def run(**environment):
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=120)


def test_a_program_that_was_not_changed_sends_its_frames_traces_where_the_environment_says():
    collector = Collector()
    ended = run(ZENOH_PINNED_TRACES=collector.endpoint, OTEL_SERVICE_NAME="camera-program")
    assert ended.stdout == "received\n", ended.stderr
    # All of it has been sent when the program has ended.
    sent = b"".join(collector.bodies)
    assert sent.count(b"put camera/traced") == 3
    assert sent.count(b"receive camera/traced") == 3
    assert b"camera-program" in sent


def test_a_share_of_none_sends_nothing():
    collector = Collector()
    ended = run(ZENOH_PINNED_TRACES=collector.endpoint, OTEL_TRACES_SAMPLER_ARG="0")
    assert (ended.stdout, collector.bodies) == ("received\n", [])


def test_an_endpoint_that_is_none_is_a_warning_and_costs_no_frame():
    ended = run(ZENOH_PINNED_TRACES="collector:4318")
    assert ended.stdout == "received\n"
    assert "ZENOH_PINNED_TRACES" in ended.stderr
    assert "http://127.0.0.1:4318" in ended.stderr


def test_the_trace_of_a_dora_message_goes_on_and_the_message_arrives_with_it(tmp_path):
    pytest.importorskip("dora", reason="the dora-rs wheel is not installed (it needs Python 3.11)")
    collector = Collector()
    camera = dataflow.node(
        "camera",
        "camera.py",
        outputs=["image"],
        MODE="in_a_trace",
        ZENOH_PINNED_TRACES=collector.endpoint,
        OTEL_SERVICE_NAME="camera",
    )
    inputs = {"image": {"source": "camera/image", "queue_size": 100}}
    journals = dataflow.run(tmp_path, camera, dataflow.node("sink", "stock_sink.py", inputs=inputs))
    carried = {entry["open_telemetry_context"] for entry in journals["sink"].of("metadata")}
    assert carried == {"traceparent:00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    sent = b"".join(collector.bodies)
    # In shared memory and as bytes.
    assert sent.count(b"put image") == 2
    assert sent.count(bytes.fromhex("0af7651916cd43dd8448eb211c80319c")) == 2
    assert sent.count(bytes.fromhex("b7ad6b7169203331")) == 2
