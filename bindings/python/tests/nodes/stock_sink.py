"""An unmodified dora node: notes what it receives, in order."""

import os
import time

import pyarrow as pa  # dora imports it late, at the first value
from dora import Node

from journal import mapping_of, note

for event in Node():
    if event["type"] == "INPUT":
        value = event["value"]
        buffers = [buffer for buffer in value.buffers() if buffer is not None and buffer.size]
        address = buffers[-1].address if buffers else 0
        metadata = event["metadata"]
        note(
            input=event["id"],
            type=str(value.type),
            len=len(value),
            sum=int(value.to_numpy().sum()) if value.type == pa.uint8() else None,
            list=value.to_pylist() if len(value) <= 10 else None,
            shared="/dev/shm" in mapping_of(address),
            aligned=address % 4096 == 0,
            metadata={
                key: str(value) if key == "time" else value
                for key, value in metadata.items()
                if key != "timestamp"
            },
            time=str(metadata["timestamp"]),
        )
        time.sleep(float(os.environ.get("PAUSE", "0")) / 1000)
        del value, event
    elif event["type"] == "INPUT_CLOSED":
        note(closed=event["id"])
