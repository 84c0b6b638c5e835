"""An unmodified dora node that sends values of every kind."""

from dora import Node

import values

node = Node()
values.send(
    "stock", lambda data, metadata: node.send_output("values", data, metadata), values.ARROW, rounds=2
)
