"""The bodies that the tests of mistakes send: whole ones, which each test spoils in one place."""

from __future__ import annotations

import base64
import json

GREY = [[0.5] * 28] * 28


def document(**keys: object) -> bytes:
    return json.dumps({"instances": [GREY], **keys}).encode()


def instances(*values: object) -> bytes:
    return json.dumps({"instances": values}).encode()


def b64(data: bytes) -> bytes:
    return instances({"b64": base64.b64encode(data).decode()})


def parameters(method: object = "saliency", **keys: object) -> bytes:
    return document(parameters={"method": method, **keys})


def plane(value: object) -> object:
    return [[value] * 28] * 28
