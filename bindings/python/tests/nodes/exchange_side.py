"""One side of an exchange in a process of its own: ``python exchange_side.py agent|data-plane REGION``.

The agent answers every observation with weights of one more than a server's flows. The data plane writes
observations whose fields all tell their number. Both say a line when they have begun, and go on for ever.
"""

import sys
import time

import numpy as np
from zenoh_pinned.exchange import FEATURES, OBSERVATION, DataPlane, Exchange


def agent(name):
    with Exchange(name) as exchange:
        print("begun", flush=True)
        while True:
            observation = exchange.read_observation()
            if observation is None:
                time.sleep(0.001)
            else:
                exchange.write_action(observation.sequence_id, 1 + observation.servers["n_flow_on"])


def data_plane(name):
    record = np.zeros((), OBSERVATION)
    servers = record["as_stats"]
    record["active_as_bitmap"] = 0b1111
    with DataPlane(name) as data_plane:
        number = 0
        while True:
            servers["n_flow_on"] = number + 1
            for feature in FEATURES:
                servers[feature] = (number + 1) % 1000
            number = data_plane.write_observation(record)
            if number == 1:
                print("begun", flush=True)


{"agent": agent, "data-plane": data_plane}[sys.argv[1]](sys.argv[2])
