"""Where the processes of a run find each other: a socket in a folder of the run, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

ALONE: dict[str, Any] = {"mode": "peer", "scouting": {"multicast": {"enabled": False}}}


def endpoint_in(folder: Path) -> str:
    """Return the endpoint of a run's folder."""
    return f"unixsock-stream/{folder}/session"


def listening(endpoint: str) -> dict[str, Any]:
    """Return the configuration of the supervisor's session."""
    return {**ALONE, "listen": {"endpoints": [endpoint]}}


def connecting(endpoint: str) -> dict[str, Any]:
    """Return the configuration of a session that looks for the supervisor's."""
    return {**ALONE, "listen": {"endpoints": []}, "connect": {"endpoints": [endpoint]}}
