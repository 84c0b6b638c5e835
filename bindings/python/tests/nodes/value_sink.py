"""An unmodified dora node: notes what it receives, as text."""

import pyarrow as pa  # noqa: F401 - dora imports it late, at the first value
from dora import Node

from journal import note

for event in Node():
    if event["type"] == "INPUT":
        metadata = {name: value for name, value in event["metadata"].items() if name != "timestamp"}
        value = event["value"]
        note(
            way=event["id"],
            name=metadata.pop("name"),
            metadata=repr(metadata),
            type=str(value.type),
            value=repr(value.to_pylist()),
        )
        del value, event
