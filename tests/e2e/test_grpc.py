"""gRPC through the gateway: refused as the manifests are, answered with components/grpc, and REST beside it."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as messages
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from tests.e2e.conftest import apply_mnist
from tests.e2e.deployed import GATEWAY, Deployed
from tests.e2e.kubectl import read


def model_ready(mnist: Deployed, host: str) -> bool:
    """What the model's readiness comes to over gRPC at a host of the gateway.

    Raises:
        grpc.RpcError: It was not answered.
    """
    options = [("grpc.default_authority", host)]
    with grpc.insecure_channel(GATEWAY.removeprefix("http://"), options=options) as channel:
        request = messages.ModelReadyRequest(name=mnist.name)
        return GRPCInferenceServiceStub(channel).ModelReady(request, timeout=20).ready


def service_ports(mnist: Deployed) -> list[int]:
    service = read("service", "mnist-predictor", "--namespace", mnist.namespace)
    return [port["port"] for port in service["spec"]["ports"]]


@pytest.fixture
def with_grpc(mnist: Deployed) -> Iterator[Deployed]:
    apply_mnist(mnist.namespace, components=("grpc",))
    mnist.wait("mnist")
    yield mnist
    apply_mnist(mnist.namespace)
    mnist.wait("mnist")


def test_it_is_off(mnist: Deployed) -> None:
    assert len(service_ports(mnist)) == 1
    with pytest.raises(grpc.RpcError):
        model_ready(mnist, mnist.host)


def test_it_is_on_where_the_component_asks_for_it(with_grpc: Deployed) -> None:
    assert len(service_ports(with_grpc)) == 2
    for host in (with_grpc.host, with_grpc.host.replace("mnist-", "mnist-predictor-", 1)):
        assert model_ready(with_grpc, host) is True
    assert with_grpc.ask("GET", "/v2/health/ready").status_code == 200
