"""Who gets through the gateway with components/api-key, and with examples/jwt: nobody without, on no host and path."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tests.e2e.conftest import apply_mnist
from tests.e2e.deployed import Deployed, until
from tests.e2e.kubectl import kubectl

READY = "/v2/health/ready"
# Each route: KServe's of three hosts, and ours, which shares the main host.
DOORS = {
    "main": ("mnist", READY),
    "explain": ("mnist", "/v1/models/mnist:explain"),
    "predictor": ("mnist-predictor", READY),
    "explainer": ("mnist-explainer", READY),
    "ours": ("mnist", "/v1/models/mnist/methods"),
}


def status(mnist: Deployed, door: str, **headers: str) -> int:
    name, path = DOORS[door]
    return mnist.ask("GET", path, host=f"{name}-{mnist.namespace}.example.com", headers=headers).status_code


def statuses(mnist: Deployed, **headers: str) -> dict[str, int]:
    """What a GET at each door comes to."""
    return {door: status(mnist, door, **headers) for door in DOORS}


ALL_OPEN, ALL_CLOSED = dict.fromkeys(DOORS, 200), dict.fromkeys(DOORS, 401)


@pytest.fixture
def open_again(mnist: Deployed) -> Iterator[None]:
    """Takes the policy away after the test, and waits until it has gone."""
    assert statuses(mnist) == ALL_OPEN
    yield
    kubectl("delete", "securitypolicy", "mnist-access", "--namespace", mnist.namespace)
    until(lambda: statuses(mnist) == ALL_OPEN, 30, "all is open again")


@pytest.mark.usefixtures("open_again")
def test_no_door_opens_without_a_key(mnist: Deployed) -> None:
    key = secrets.token_hex(16)
    apply_mnist(mnist.namespace, components=("api-key",))
    # Without the Secret nothing is served, rather than everything.
    until(lambda: set(statuses(mnist).values()) == {500}, 30, "all is closed")
    secret = ("secret", "generic", "mnist-api-keys", "--namespace", mnist.namespace)
    kubectl("create", *secret, f"--from-literal=alice={key}")
    try:
        until(lambda: statuses(mnist) == ALL_CLOSED, 30, "all ask for a key")
        assert statuses(mnist, **{"x-api-key": key[:-1]}) == ALL_CLOSED
        assert statuses(mnist, authorization=f"Bearer {key}") == ALL_CLOSED
        assert statuses(mnist, **{"x-api-key": key}) == ALL_OPEN
    finally:
        kubectl("delete", "secret", "mnist-api-keys", "--namespace", mnist.namespace)


@pytest.mark.usefixtures("open_again")
def test_no_door_opens_without_a_token(mnist: Deployed) -> None:
    ours, another = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    keys = json.dumps({"keys": [ECAlgorithm.to_jwk(ours.public_key(), as_dict=True) | {"kid": "one", "alg": "ES256"}]})
    patch = [{"op": "replace", "path": "/spec/jwt/providers/0/localJWKS/inline", "value": keys}]
    apply_mnist(mnist.namespace, components=("api-key", "../../examples/jwt"), SecurityPolicy=patch)
    until(lambda: statuses(mnist) == ALL_CLOSED, 30, "all ask for a token")

    def bearer(key: ec.EllipticCurvePrivateKey, **claims: object) -> dict[str, str]:
        whole = {"iss": "https://issuer.example.com", "aud": "kserve-captum", "exp": time.time() + 600, **claims}
        return {"authorization": "Bearer " + jwt.encode(whole, key, "ES256", {"kid": "one"})}

    assert statuses(mnist, **bearer(ours)) == ALL_OPEN
    assert statuses(mnist, **bearer(another)) == ALL_CLOSED
    assert statuses(mnist, **bearer(ours, exp=time.time() - 600)) == ALL_CLOSED
    assert statuses(mnist, **bearer(ours, iss="https://another.example.com")) == ALL_CLOSED
    assert set(statuses(mnist, **bearer(ours, aud="another")).values()) <= {401, 403}
