"""Tiny transformers, explained over the real wire: the predictor's app is in this process, and so is the reference."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import torch
from captum_explainer.attribution.explain import explain
from captum_explainer.deadline import Deadline
from captum_explainer.formats import dispatch
from captum_explainer.formats.request import Incoming, Read
from captum_explainer.predictor_client.description import Description
from captum_explainer.predictor_client.http_connection import Reply
from captum_explainer.predictor_client.read_description import read_description
from captum_explainer.predictor_client.session import Session
from captum_explainer.server.options import compose_settings
from captum_predictor.engine.engine import Engine
from captum_predictor.engine.lanes import Lanes
from captum_predictor.kinds.load import load_kind
from captum_predictor.protocol.inference import Limits
from captum_predictor.server.routes import build_routes
from captum_predictor.server.service import Service
from captum_serving.boundary.front import build_application
from captum_serving.boundary.limits import Bodies
from captum_serving.limits import DEFAULT_LIMITS
from starlette.types import ASGIApp
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from tests.support.tiny_transformers import save_tiny

CLASSES = {
    "sequence": AutoModelForSequenceClassification,
    "tokens": AutoModelForTokenClassification,
    "answer": AutoModelForQuestionAnswering,
}


class Connection:
    """Calls to a predictor's app in this process."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.asked = 0

    def call(
        self, verb: str, path: str, deadline: Deadline, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Reply:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(self.app), base_url="http://predictor"
            ) as client:
                return await client.request(verb, path, content=body, headers=dict(headers))

        response = asyncio.run(send())
        self.asked += 1
        return Reply(response.status_code, response.headers, response.content)


class Explained:
    """A tiny model behind the explainer: what is posted to `:explain`, and the network itself."""

    def __init__(self, directory: Path, task: str, lanes: Lanes) -> None:
        service = Service("tiny", load_kind(directory), Engine(lanes, "cpu"), Limits(100, 10_000_000))
        app = build_application(build_routes(service), "predictor", Bodies(DEFAULT_LIMITS))
        self.connection: Any = Connection(app)
        described = self.connection.call("GET", "/v2/models/tiny", Deadline(60)).body
        self.description: Description = read_description("tiny", described)
        loaded = CLASSES[task].from_pretrained(directory, local_files_only=True)
        self.network = loaded.eval().requires_grad_(False)
        self.tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)

    def answer(self, body: bytes, read: Read = dispatch.read, **flags: Any) -> Any:
        """The answer to a body that comes by the way of `read`, to an explainer with these flags."""
        settings = compose_settings(model_name="tiny", predictor_host="127.0.0.1:1", **flags)
        request, write = read(Incoming(body), self.description, settings)
        session = Session(self.connection, self.description, Deadline(60), {}, settings.limits.max_call_bytes)
        found = explain(request.plan(self.description, session, settings.limits, settings.defaults))
        return orjson.loads(write(found, self.description).body)

    def explain(self, *instances: object, **parameters: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.answer(orjson.dumps({"instances": instances, "parameters": parameters}))
        return answer

    def encoded(self, text: str, pair: str | None = None) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """What the network takes of a text, positions and types said, and the ids of its baseline."""
        encoding = self.tokenizer(
            text,
            pair,
            return_special_tokens_mask=True,
            return_token_type_ids=True,
            truncation=True,
            return_tensors="pt",
        )
        ids, special = encoding["input_ids"], encoding["special_tokens_mask"].bool()
        first = 2 if self.network.config.model_type == "roberta" else 0
        made = {
            "attention_mask": torch.ones_like(ids),
            "token_type_ids": encoding["token_type_ids"],
            "position_ids": first + torch.arange(ids.shape[1])[None],
        }
        assert self.description.text is not None
        beside = {name: made[name] for name in self.description.extra_inputs}
        return {"input_ids": ids, **beside}, torch.where(special, ids, self.tokenizer.pad_token_id)

    def logits(self, **inputs: torch.Tensor) -> torch.Tensor:
        output = self.network(**inputs)
        if hasattr(output, "start_logits"):
            return torch.stack([output.start_logits, output.end_logits], dim=-1)
        logits: torch.Tensor = output.logits
        return logits


@pytest.fixture(scope="session")
def lanes() -> Iterator[Lanes]:
    made = Lanes(2, 10_000, 2)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, lanes: Lanes) -> Callable[[str, str], Explained]:
    """Explains a tiny model of a family and a task; each is made once."""
    made: dict[tuple[str, str], Explained] = {}

    def start(family: str, task: str) -> Explained:
        if (family, task) not in made:
            directory = save_tiny(tmp_path_factory.mktemp("text") / f"{family}-{task}", family, task)
            made[family, task] = Explained(directory, task, lanes)
        return made[family, task]

    return start


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As the predictor computes calls of fewer than twelve rows."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
