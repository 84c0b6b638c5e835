"""A dora node of ours: copies what it receives to a device, where there is one."""

import asyncio

import numpy as np
import zenoh_pinned
from zenoh_pinned.dora import Node

from journal import note


def receive(event):
    value, metadata = event["value"], event["metadata"]
    frame = zenoh_pinned.frame(value)
    if not kept:
        kept.append(np.asarray(frame))
    on_device = zenoh_pinned.to_device(value, "auto", shape=metadata.get("shape"))
    event.clear()
    del value
    is_device = isinstance(on_device, zenoh_pinned.DeviceBuffer)
    array = on_device.to_host() if is_device else np.from_dlpack(on_device)
    note(
        sum=int(array.sum()),
        shape=array.shape,
        shared=frame.is_shared,
        path=on_device.path,
        reason=on_device.reason and on_device.reason.code,
    )


kept = []


async def main():
    with Node() as node:
        while True:
            event = await node.recv_async()
            if event is None or event["type"] == "STOP":
                break
            if event["type"] == "INPUT":
                receive(event)
            elif event["type"] == "INPUT_CLOSED":
                note(closed=event["id"])
                break


asyncio.run(main())
# What was seen outlives the event, the frame and the node.
note(kept=[int(array.sum()) for array in kept])
