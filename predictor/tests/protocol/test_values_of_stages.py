"""Values and a gradient that one request asks for have the bits that requests of their own have."""

import asyncio

import numpy as np
import pytest
from captum_predictor.kinds.tensor import TensorKind
from captum_predictor.protocol.inference import Limits, Reader
from captum_serving.protocol.wire import Message

CLASSES = 10


@pytest.fixture
def ask(engine, mnist):
    reader = Reader(TensorKind(mnist), Limits(100, 10**8))

    def asked(tensors, outputs=(), **parameters):
        request = reader.read(
            Message(
                {"parameters": {"explanation": True, **parameters}, "outputs": [{"name": n} for n in outputs]}, tensors
            )
        )
        return asyncio.run(engine.compute(request.query))

    return asked


def images(rows):
    return 20 * np.random.default_rng(rows).standard_normal((rows, 1, 28, 28), np.float32)


def one_hot(targets):
    return np.eye(CLASSES, dtype=np.float32)[targets]


@pytest.mark.parametrize("rows", [2, 30])
def test_the_gradient_by_a_later_stage_is_that_of_the_later_segment(ask, rows):
    values = ["conv2", "relu2", "logits"]
    together = ask(
        {"image": images(rows)}, [*values, "gradient"], predicted_rows=1, gradient_from=0, gradient_source="relu2"
    )
    alone = {name: ask({"image": images(rows)}, sink=name)[name] for name in values}
    for name in values:
        np.testing.assert_array_equal(together[name], alone[name], name, strict=True)
    cotangent = one_hot([alone["logits"][0].argmax()] * rows)
    expected = ask({"relu2": alone["relu2"], "cotangent": cotangent})["gradient"]
    np.testing.assert_array_equal(together["gradient"], expected, strict=True)
    given = ask({"image": images(rows), "cotangent": cotangent}, [*values, "gradient"], gradient_source="relu2")
    np.testing.assert_array_equal(given["gradient"], expected, strict=True)


def test_the_gradient_of_a_neuron_comes_with_the_scores_behind_it(ask):
    source = images(3)
    cotangent = np.zeros_like(ask({"image": source}, sink="conv2")["conv2"])
    cotangent[:, 1, 2, 3] = 1
    together = ask({"image": source, "cotangent": cotangent}, ["logits", "gradient"], sink="conv2")
    np.testing.assert_array_equal(together["logits"], ask({"image": source})["logits"], strict=True)
    alone = ask({"image": source, "cotangent": cotangent}, sink="conv2")
    np.testing.assert_array_equal(together["gradient"], alone["gradient"], strict=True)


@pytest.mark.parametrize("first", [2, 3])
def test_values_of_stages_and_points_after_the_scored_rows(ask, first):
    rows = images(20)
    together = ask({"image": rows}, ["pool1", "logits"], predicted_rows=2, gradient_from=first, gradient_source="pool1")
    scored, points = (ask({"image": part}, ["pool1", "logits"]) for part in np.split(rows, [first]))
    for name in ("pool1", "logits"):
        np.testing.assert_array_equal(together[name], np.concatenate([scored[name], points[name]]), strict=True)
    cotangent = one_hot(np.resize(scored["logits"][:2].argmax(axis=1), 20 - first))
    expected = ask({"pool1": points["pool1"], "cotangent": cotangent})["gradient"]
    np.testing.assert_array_equal(together["gradient"], expected, strict=True)


def test_every_row_may_have_the_gradient_of_its_own_class(ask):
    together = ask({"image": images(60)}, predicted_rows=60, gradient_from=0)
    value = ask({"image": images(60)})["logits"]
    np.testing.assert_array_equal(together["logits"], value, strict=True)
    assert len(set(value.argmax(axis=1))) > 1
    expected = ask({"image": images(60), "cotangent": one_hot(value.argmax(axis=1))})["gradient"]
    np.testing.assert_array_equal(together["gradient"], expected, strict=True)
