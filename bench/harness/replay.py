"""A predictor that costs next to nothing: it asks the real one once for each request, then answers from memory.

It shows what explainers could do if no predictor were the limit, and counts the bytes that come and go.
"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event

import urllib3
import uvloop

from local.servers import free_port

SPAWN = multiprocessing.get_context("spawn")
START_SECONDS = 30.0
END_OF_HEAD = b"\r\n\r\n"
PASSED_ON = ("content-type", "inference-header-content-length")


@dataclass(frozen=True)
class Replay:
    """A replaying predictor's process and address, and the bytes that it received and sent, HTTP's heads among them."""

    pid: int
    host: str
    received: Synchronized[int]
    sent: Synchronized[int]


@dataclass
class Memory:
    """What the real predictor at `url` has answered, by the request."""

    url: str
    client: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=60))
    answers: dict[bytes, bytes] = field(default_factory=dict)

    async def answer(self, head: bytes, headers: dict[str, str], body: bytes) -> bytes:
        """The response to a request as it goes over the wire."""
        verb, path, _ = head.decode("latin-1").split(" ", 2)
        key = hashlib.blake2b(f"{verb} {path} ".encode() + body).digest()
        if key not in self.answers:
            self.answers[key] = await asyncio.to_thread(self._ask, verb, path, headers, body)
        return self.answers[key]

    def _ask(self, verb: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        passed_on = {name: headers[name] for name in PASSED_ON if name in headers}
        response = self.client.request(verb, self.url + path, body=body, headers=passed_on)
        kept = {name: response.headers[name] for name in PASSED_ON if name in response.headers}
        lines = [f"{name}: {value}" for name, value in kept.items()] + [f"content-length: {len(response.data)}"]
        return f"HTTP/1.1 {response.status} -\r\n".encode() + "\r\n".join(lines).encode() + END_OF_HEAD + response.data


@contextmanager
def replaying(url: str) -> Iterator[Replay]:
    """Such a predictor in front of the one at `url`, in a process of its own."""
    ready, received, sent = SPAWN.Event(), SPAWN.Value("Q", 0), SPAWN.Value("Q", 0)
    port = free_port()
    process = SPAWN.Process(target=serve, args=(url, port, ready, received, sent), daemon=True)
    process.start()
    try:
        assert ready.wait(START_SECONDS)
        assert process.pid is not None
        yield Replay(process.pid, f"127.0.0.1:{port}", received, sent)
    finally:
        process.terminate()
        process.join()


def serve(url: str, port: int, ready: Event, received: Synchronized[int], sent: Synchronized[int]) -> None:
    """Answer on the loopback until the process ends."""
    memory = Memory(url)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):  # the other end hung up
            while True:
                head = await reader.readuntil(END_OF_HEAD)
                lines = head.decode("latin-1").split("\r\n")[1:-2]
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                answer = await memory.answer(head, headers, body)
                writer.write(answer)
                await writer.drain()
                received.value += len(head) + len(body)
                sent.value += len(answer)

    async def listen() -> None:
        server = await asyncio.start_server(converse, "127.0.0.1", port)
        ready.set()
        await server.serve_forever()

    uvloop.run(listen())
