"""A text model's predictor and explainer as processes: what the other tests ask within this one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from local.servers import Pair, running_pair
from tests.support.tiny_transformers import save_tiny

TEXT = "the quick brown fox 🦊"
TIMEOUT = 60


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("servers")
    with running_pair("tiny", folder, model_dir=save_tiny(folder / "tiny", "bert", "sequence")) as started:
        yield started


def explained(pair: Pair, *texts: str, **parameters: object) -> requests.Response:
    return requests.post(pair.explain_url, json={"instances": texts, "parameters": parameters}, timeout=TIMEOUT)


def test_texts_are_explained_by_every_method_that_the_catalogue_names(pair: Pair) -> None:
    catalogue = requests.get(pair.explain_url, timeout=TIMEOUT).json()
    assert len(catalogue["methods"]) == 6
    for method in catalogue["methods"]:
        answer = explained(pair, TEXT, "a dog", method=method["name"])
        assert answer.status_code == 200, answer.text
        assert list(answer.json()) == ["explanations", "details", "parameters", "model"]
        assert set(answer.json()["parameters"]) == {"method", *method["parameters"]}
        again = explained(pair, TEXT, "a dog", **answer.json()["parameters"])
        assert again.content == answer.content


def test_torchserves_path_answers_one_object(pair: Pair) -> None:
    url = f"{pair.explainer.url}/explanations/tiny"
    answer = requests.post(url, json={"text": TEXT, "target": 0}, timeout=TIMEOUT)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"explanations": explained(pair, TEXT, target=0).json()["explanations"]}
    assert list(answer.json()["explanations"][0]) == ["words", "importances", "delta"]


def test_refusals_are_sentences(pair: Pair) -> None:
    refused = {
        400: explained(pair, TEXT, method="deep_lift"),
        413: explained(pair, "a" * 1_000_001),
    }
    for status, answer in refused.items():
        assert answer.status_code == status, answer.text
        assert list(answer.json()) == ["error"]
    for body in (b"{", b'{"instances": ["\xff"]}', b'{"instances": []}', b'{"instances": "text"}', b"\x89PNG"):
        answer = requests.post(pair.explain_url, data=body, timeout=TIMEOUT)
        assert answer.status_code == 400, (body, answer.text)
        assert list(answer.json()) == ["error"]
