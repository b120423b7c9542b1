"""Starts the forest: `python -m rfserver --model_name aix-explainer --http_port 8081`."""

from __future__ import annotations

import argparse
import gc
import os
from pathlib import Path

from kserve import ModelServer, model_server

from rfserver.model import ForestModel

# A call of 200 pictures is half a million lists in JSON, through which Python's collector goes over and over while they
# are made: 225 ms, of which 40 are the parser's.
OBJECTS_BEFORE_COLLECTING = 1_000_000


class BoundServer(ModelServer):  # type: ignore[misc]  # kserve is untyped
    """kserve's server on one address: its own listens on every interface."""

    def __init__(self, host: str) -> None:
        super().__init__(enable_grpc=False)
        self.host = host

    async def _serve(self) -> None:
        self._rest_server.config.host = self.host
        await super()._serve()


def main() -> None:
    """Parse the flags, train, and serve until a signal comes."""
    parser = argparse.ArgumentParser(prog="rfserver", parents=[model_server.parser])
    parser.add_argument("--host", default="0.0.0.0", help="the address to listen on")
    data_dir = os.environ.get("KSERVE_CAPTUM_DATA") or None
    parser.add_argument("--data_dir", type=Path, default=data_dir, help="the folder that has MNIST in mnist/")
    flags = parser.parse_args()
    model = ForestModel(flags.model_name, flags.data_dir)
    model.load()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTING)
    BoundServer(flags.host).start([model])


if __name__ == "__main__":
    main()
