"""The ClusterServingRuntime: a model by its format, from a volume and from a URL, with the explainer beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import yaml
from kubernetes import client

from local.servers import ROOT
from tests.e2e.deployed import Deployed
from tests.e2e.kubectl import kubectl
from tests.e2e.pods import PORT, start_pod
from tests.e2e.volumes import models_volume
from tests.support.explaining import examples

RUNTIME = ROOT / "manifests" / "runtime" / "clusterservingruntime.yaml"

# Serves the model directories that are in the client's image, each as a tar.gz.
ARCHIVES = f"""
import http.server, os, tarfile
os.chdir("/tmp")
for name in ("mnist", "fashion-mnist"):
    with tarfile.open(f"{{name}}.tar.gz", "w:gz") as archive:
        folder = f"/opt/kserve-captum/models/{{name}}"
        for file in ("model.json", "model.safetensors"):
            archive.add(f"{{folder}}/{{file}}", file)
http.server.test(http.server.SimpleHTTPRequestHandler, port={PORT})
"""


@pytest.fixture(scope="module")
def runtime(namespace: str) -> Iterator[str]:
    """The runtime, which belongs to no namespace, under a name of this run's own."""
    document = yaml.safe_load(RUNTIME.read_text())
    document["metadata"]["name"] = name = f"kserve-captum-{namespace}"
    # Another run's, or the user's, must not be taken for it.
    document["spec"]["supportedModelFormats"][0]["autoSelect"] = False
    kubectl("apply", "--filename", "-", document=yaml.safe_dump(document))
    yield name
    kubectl("delete", "clusterservingruntime", name)


@pytest.fixture(scope="module")
def volume(namespace: str) -> Iterator[str]:
    with models_volume(namespace) as claim:
        yield claim


@pytest.fixture
def by_format(api: client.ApiClient, namespace: str, runtime: str) -> Iterator[Callable[[str, str], Deployed]]:
    """Makes an InferenceService that names its model's format; its pods' own settings are those of the manifests' base.

    It goes after the test, when a failure has been reported.
    """
    made: list[Deployed] = []

    def make(name: str, uri: str) -> Deployed:
        service = yaml.safe_load((ROOT / "manifests" / "base" / "inferenceservice.yaml").read_text())
        service["metadata"] |= {"name": name, "namespace": namespace}
        predictor = service["spec"]["predictor"]
        del predictor["containers"], predictor["volumes"]
        predictor["model"] = {"modelFormat": {"name": "captum-pytorch"}, "runtime": runtime, "storageUri": uri}
        kubectl("apply", "--filename", "-", document=yaml.safe_dump(service))
        made.append(Deployed(api, namespace, name))
        return made[-1]

    yield make
    for deployed in made:
        deployed.delete()


def assert_explains(deployed: Deployed, model: str) -> None:
    deployed.wait(model)
    answer = deployed.explain(examples(model)[:1].tolist(), method="deep_lift")
    assert answer.status_code == 200, answer.text
    assert answer.json()["details"][0]["converged"] is True


def test_a_model_from_a_volume(by_format: Callable[[str, str], Deployed], volume: str) -> None:
    assert_explains(by_format("of-volume", f"pvc://{volume}/mnist"), "mnist")


def test_a_model_from_a_url(by_format: Callable[[str, str], Deployed], namespace: str) -> None:
    address = start_pod(namespace, "archives", ARCHIVES)
    assert_explains(by_format("of-url", f"http://{address}:{PORT}/fashion-mnist.tar.gz"), "fashion-mnist")
