"""Asking by a way in, in this process."""

import base64
import io

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from captum_explainer.attribution.explain import explain
from captum_explainer.formats.request import Incoming
from PIL import Image


@pytest.fixture
def ask(description, plain_predictor, settings):
    """The answer to a body that a way in reads, as its route gives it."""

    def ask(read, body, settings=settings, description=description, **incoming):
        request, write = read(Incoming(body, **incoming), description, settings)
        plans = request.plan(description, plain_predictor, settings.limits, settings.defaults)
        return write(explain(plans), description)

    return ask


@pytest.fixture
def pixels():
    """Two pictures, uint8 [2, 6, 6]."""
    return np.random.default_rng(3).integers(0, 256, (2, 6, 6), dtype=np.uint8)


@pytest.fixture
def png(pixels):
    """The first of them as a file."""
    return encoded(pixels[0])


@pytest.fixture
def encode_picture():
    return encoded


def encoded(plane, form="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(plane).save(buffer, form)
    return buffer.getvalue()


@pytest.fixture
def texts(pixels):
    """Both as base64."""
    return [base64.b64encode(encoded(plane)).decode() for plane in pixels]


@pytest.fixture
def inputs(pixels):
    """Both as the network sees them, float32 [2, 1, 6, 6]."""
    return torch.from_numpy(pixels[:, None].astype(np.float32) / np.float32(255))


@pytest.fixture
def integrated(network, inputs):
    """Captum in this process: the integrated gradients of the first pictures, for a target each."""

    def integrated(targets, n_steps=50, **options):
        some = inputs[: len(targets)]
        return IntegratedGradients(network).attribute(some, target=targets, n_steps=n_steps, **options).numpy()

    return integrated


@pytest.fixture
def predicted(network, inputs):
    """The class that the network predicts for each."""
    return network(inputs).argmax(dim=1).tolist()
