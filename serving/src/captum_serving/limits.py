"""What clients may take of a server. Each limit has a flag with its name."""

import argparse
from dataclasses import dataclass, fields

from captum_serving.flags import Flag, read_number


@dataclass(frozen=True)
class ClientLimits:
    """What one client, or all of them, may take.

    Attributes:
        max_body_bytes: The bytes of a request's body.
        max_connections: Open connections; beyond them only probes are answered.
        max_header_bytes: The bytes of a request's headers.
        header_seconds: From a request's first byte (a new connection's start) to the end of its headers.
        pause_seconds: Without a byte of a body. The time in which the server does not read does not count.
        body_seconds: For a whole body, likewise.
        write_seconds: For the client to read an answer, and a second more for each MiB of it.
        max_held_bytes: The bodies of all requests that are under way, together.
        max_json_bytes: The bytes of a body's JSON; binary tensors may have more.
        max_json_arrays: The `[` in it: 16 MiB of `[],` would take 486 MiB of memory.
        max_json_objects: The `{` in it: 16 MiB of `{"":0},` would take 585 MiB.
        max_json_commas: The commas in it.
    """

    max_body_bytes: int = 64 * 2**20
    max_connections: int = 256
    max_header_bytes: int = 64 * 2**10
    header_seconds: float = 10.0
    pause_seconds: float = 10.0
    body_seconds: float = 60.0
    write_seconds: float = 30.0
    max_held_bytes: int = 128 * 2**20
    max_json_bytes: int = 32 * 2**20
    max_json_arrays: int = 2_000_000
    max_json_objects: int = 100_000
    max_json_commas: int = 4_000_000


DEFAULT_LIMITS = ClientLimits()
HELP = {
    "max_body_bytes": "the largest body of a request",
    "max_connections": "the most open connections; beyond them only probes are answered",
    "max_header_bytes": "the largest headers of a request",
    "header_seconds": "the longest time until a request's headers are complete",
    "pause_seconds": "the longest pause within a body",
    "body_seconds": "the longest time for a body",
    "write_seconds": "the longest time for a client to read its answer, and a second more for each MiB",
    "max_held_bytes": "the most bytes of bodies held at once, for all requests together",
    "max_json_bytes": "the largest JSON of a body; binary tensors may be larger",
    "max_json_arrays": "the most arrays in a body's JSON",
    "max_json_objects": "the most objects in a body's JSON",
    "max_json_commas": "the most commas in a body's JSON",
}
LIMIT_FLAGS = tuple(
    Flag(name, default, HELP[name], read_number(type(default))) for name, default in vars(DEFAULT_LIMITS).items()
)


def choose_limits(options: argparse.Namespace) -> ClientLimits:
    """Choose the limits among a command line's options."""
    return ClientLimits(**{field.name: getattr(options, field.name) for field in fields(ClientLimits)})
