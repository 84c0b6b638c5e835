"""The configuration of an unmodified zenoh session that connects to a port of this machine."""

import zenoh


def connecting(port):
    config = zenoh.Config()
    config.insert_json5("connect/endpoints", f'["tcp/127.0.0.1:{port}"]')
    config.insert_json5("listen/endpoints", "[]")
    config.insert_json5("scouting/multicast/enabled", "false")
    config.insert_json5("transport/shared_memory/enabled", "true")
    return config
