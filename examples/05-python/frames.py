"""A camera that writes frames in place, and a process that has each on its GPU, or says why not."""

import multiprocessing
import sys
import time
from itertools import count
from multiprocessing.synchronize import Event

import zenoh_pinned

ENDPOINT = sys.argv[1] if len(sys.argv) > 1 else "tcp/127.0.0.1:7451"
SHAPE = (1080, 1920, 3)


def camera(endpoint: str, enough: Event) -> None:
    """Write and publish frames until the other process has enough."""
    with zenoh_pinned.Session({"listen": {"endpoints": [endpoint]}}) as session:
        publisher = session.declare_publisher("camera", frame_bytes=1080 * 1920 * 3, slots=8)
        for number in count():
            with publisher.allocate(SHAPE, "uint8") as image:
                image[:] = number % 256  # a camera writes here: a NumPy view of the slot
            del image  # a view that is kept keeps its slot
            time.sleep(0.02)
            if enough.is_set():
                break
        publisher.drain(10)
        print(f"camera: {number + 1} frames written in place")


def main() -> None:
    """Start the camera and look at 30 of its frames."""
    # Not "fork": neither zenoh nor CUDA works across one.
    context = multiprocessing.get_context("spawn")
    enough = context.Event()
    process = context.Process(target=camera, args=(ENDPOINT, enough), daemon=True)
    process.start()
    config = {"connect": {"endpoints": [ENDPOINT], "timeout_ms": -1, "exit_on_failure": False}}
    with (
        zenoh_pinned.Session(config, device="auto") as session,
        session.declare_subscriber("camera") as subscriber,
    ):
        for number in range(1, 31):
            frame = subscriber.recv(30)
            image = zenoh_pinned.to_device(frame)  # one DMA; the slot is held until it has ended
            if number % 10 == 0:
                pixels = frame.numpy().reshape(SHAPE)
                is_whole = (pixels == pixels[0, 0, 0]).all()
                print(f"frame {number}: {pixels.shape}, all {pixels[0, 0, 0]}: {is_whole}")
                print(f"  path {image.path}, {image.reason or 'one DMA'}")
                del pixels
            del frame, image  # a frame that is kept keeps its slot
        enough.set()
    process.join()


if __name__ == "__main__":
    main()
