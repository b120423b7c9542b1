"""The random forest of examples/: started with an explainer in front of it, and trained again in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.servers import ROOT, Pair, running, tell_to_end

EXAMPLE = ROOT / "examples" / "random-forest"
FOREST = "aix-explainer"


@contextmanager
def explained(
    name: str, module: str, folder: Path, predictor: list[str], *flags: str, explainer: str = "captum_explainer"
) -> Iterator[Pair]:
    """A predictor that is not ours, started as its own folder would start it, and an explainer in front of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{EXAMPLE}:{ROOT}")
        patch.delenv("KSERVE_CAPTUM_DATA", raising=False)  # the digits that everyone has
        with running(module, folder / f"{module}.log", *predictor) as server:
            host = ("--predictor_host", server.url.removeprefix("http://"))
            with running(explainer, folder / "explainer.log", "--model_name", name, *host, *flags) as front:
                server.wait_until_ready()
                front.wait_until_ready()
                pair = Pair(name, server, front)
                yield pair
                tell_to_end(pair)


@contextmanager
def imported() -> Iterator[Any]:
    """The example's modules `digits` and `model`, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        from rfserver import digits, model

        yield digits, model
    for name in [name for name in sys.modules if name.split(".")[0] == "rfserver"]:
        del sys.modules[name]
