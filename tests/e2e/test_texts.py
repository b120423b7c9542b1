"""A transformer from a volume, explained through the gateway."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
import yaml
from kubernetes import client

from local.servers import ROOT
from tests.e2e.conftest import own_namespace
from tests.e2e.deployed import Deployed
from tests.e2e.kubectl import kubectl
from tests.e2e.volumes import models_volume
from tests.support.tiny_transformers import save_tiny

TEXT = "a wonderful film with a terrible ending"


@pytest.fixture(scope="module")
def tiny(api: client.ApiClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    directory = save_tiny(tmp_path_factory.mktemp("models") / "tiny", "bert", "sequence")
    with own_namespace(f"e2e-{secrets.token_hex(2)}") as namespace, models_volume(namespace, directory) as claim:
        service = yaml.safe_load((ROOT / "manifests" / "base" / "inferenceservice.yaml").read_text())
        service["metadata"] |= {"name": "tiny", "namespace": namespace}
        [container] = service["spec"]["predictor"]["containers"]
        container["env"] = [{"name": "STORAGE_URI", "value": f"pvc://{claim}/tiny"}]
        kubectl("apply", "--filename", "-", document=yaml.safe_dump(service))
        deployed = Deployed(api, namespace, "tiny")
        deployed.wait()
        yield deployed
        deployed.delete()


def test_a_text_is_explained(tiny: Deployed) -> None:
    answer = tiny.explain([TEXT, {"text": "a lazy dog", "target": "positive"}])
    assert answer.status_code == 200, answer.text
    for explanation, details in zip(answer.json()["explanations"], answer.json()["details"], strict=True):
        assert len(explanation["words"]) == len(explanation["importances"])
        assert details["converged"] is True
    assert answer.json()["details"][1]["target_label"] == "positive"


def test_torchserves_users_come_in_their_own_way(tiny: Deployed) -> None:
    body = {"text": TEXT, "target": 0}
    answer = tiny.ask("POST", "/explanations/tiny", host=tiny.explainer_host, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"explanations": tiny.explain([body]).json()["explanations"]}


def test_the_words_are_lime_packages_by_aixs_request(tiny: Deployed) -> None:
    body = {"instances": [TEXT], "top_labels": "2", "num_samples": "50"}
    answer = tiny.ask("POST", "/v1/models/tiny:explain", json=body)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["explanations"]) == 2
    for words in answer.json()["explanations"].values():
        assert {word for word, _ in words} <= set(TEXT.split())
