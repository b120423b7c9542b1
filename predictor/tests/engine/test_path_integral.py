"""The integral along a path has the bits of Captum's sum of the points' gradients."""

import asyncio

import numpy as np
import pytest
import torch
from captum.attr._utils.approximation_methods import approximation_parameters
from captum_predictor.engine.memory_format import allocate_rows, lay_out
from captum_predictor.engine.path_integral import Integral, StraightPaths
from captum_predictor.kinds.tensor import TensorKind
from captum_predictor.protocol.inference import Limits, Reader
from captum_serving.errors import BadInput, TooLarge
from captum_serving.protocol.wire import Message

CLASSES = 10


@pytest.fixture
def ask(engine, mnist):
    reader = Reader(TensorKind(mnist), Limits(400, 3 * 10**6))

    def asked(tensors, outputs=(), **parameters):
        document = {"parameters": {"explanation": True, **parameters}, "outputs": [{"name": n} for n in outputs]}
        return asyncio.run(engine.compute(reader.read(Message(document, tensors)).query))

    return asked


def images(rows, seed=0):
    return 20 * np.random.default_rng(seed).standard_normal((rows, 1, 28, 28), np.float32)


def one_hot(targets):
    return np.eye(CLASSES, dtype=np.float32)[targets]


def path(starts, steps, rule="gausslegendre"):
    weights, nodes = (np.array(of(steps), np.float32) for of in approximation_parameters(rule))
    return {"path_start": starts, "path_nodes": nodes, "path_weights": weights}


def integral_of(ask, ends, along, cotangents, by=None, **parameters):
    """The sum in torch, as Captum takes it, of the gradients that a request for all the points brings."""
    start, end = torch.from_numpy(along["path_start"]), torch.from_numpy(ends)
    points = torch.cat([start + float(alpha) * (end - start) for alpha in along["path_nodes"]])
    steps = len(along["path_nodes"])
    tensors = {"image": points.numpy(), "cotangent": np.tile(cotangents, (steps, 1))}
    gradients = torch.from_numpy(ask(tensors, **parameters)["gradient"])
    weights = torch.from_numpy(along["path_weights"]).view(steps, 1)
    weighted = gradients.contiguous().view(steps, -1) * weights
    return torch.sum(weighted.reshape(steps, len(ends), *gradients.shape[1:]), dim=0).numpy()


@pytest.mark.parametrize("rule", ["gausslegendre", "riemann_trapezoid"])
@pytest.mark.parametrize(("paths", "steps"), [(1, 50), (1, 3), (3, 20), (1, 300)])
def test_of_the_predicted_classes_beside_the_values(ask, paths, steps, rule):
    source, starts = images(paths + 2), images(paths, seed=1)
    along = path(starts, steps, rule)
    together = ask({"image": source, **along}, predicted_rows=paths, gradient_from=0)
    np.testing.assert_array_equal(together["logits"], ask({"image": source})["logits"], strict=True)
    targets = together["logits"][:paths].argmax(axis=1)
    expected = integral_of(ask, source[:paths], along, one_hot(targets))
    np.testing.assert_array_equal(together["gradient"], expected, strict=True)


def test_of_given_cotangents_by_a_stage_between(ask):
    ends, along = images(2), path(images(2, seed=1), 20)
    cotangents = one_hot([3, 7])
    together = ask({"image": ends, **along, "cotangent": cotangents}, ["gradient"], gradient_source="pool1")
    expected = integral_of(ask, ends, along, cotangents, gradient_source="pool1")
    np.testing.assert_array_equal(together["gradient"], expected, strict=True)


@pytest.mark.parametrize("paths", [1, 3])
@pytest.mark.parametrize("shape", [(3, 5, 4), (1, 28, 28), (6,), ()])
def test_points_lie_as_the_model_takes_them_and_have_torchs_bits(paths, shape):
    random = np.random.default_rng(0)
    starts, ends = (random.standard_normal((paths, *shape), np.float32) for _ in range(2))
    unaligned = np.frombuffer(b"." + starts.tobytes(), np.float32, offset=1).reshape(starts.shape)
    along = StraightPaths(unaligned, ends, np.linspace(0, 1, 7, dtype=np.float32), np.ones(7, np.float32))
    start, end = torch.from_numpy(starts), torch.from_numpy(ends)
    expected = torch.cat([start + float(node) * (end - start) for node in along.nodes]).numpy()
    for part in (slice(0, along.rows), slice(2, 7)):
        points = allocate_rows((part.stop - part.start, *shape))
        along.put_points(part, points)
        np.testing.assert_array_equal(points, expected[part], strict=True)
        assert np.array_equal(lay_out(points), points)
        assert lay_out(points).strides == points.strides


@pytest.mark.parametrize("threads", [2, 4])
def test_the_sum_has_the_same_bits_on_any_number_of_threads(threads):
    along = StraightPaths(images(3), images(3), *(np.ones(100, np.float32) for _ in range(2)))
    before, sums = torch.get_num_threads(), []
    try:
        for count in (1, threads):
            torch.set_num_threads(count)
            integral = Integral(along, (1, 28, 28))
            integral.gradients[...] = images(300, seed=5)
            sums.append(integral.sum().numpy())
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*sums, strict=True)


def test_of_the_ends_themselves_nothing_is_computed_where_only_the_integral_is_asked_for(ask):
    ends, along, cotangent = images(2), path(images(2, seed=1), 20), one_hot([3, 7])
    alone = ask({"image": ends, **along, "cotangent": cotangent}, ["gradient"])
    assert len(alone["logits"]) == 0
    together = ask({"image": ends, **along, "cotangent": cotangent})
    assert len(together["logits"]) == 2
    np.testing.assert_array_equal(alone["gradient"], together["gradient"], strict=True)


def test_a_start_is_held_to_the_inputs_range_as_the_input_is(ask):
    given = {"image": np.ones((1, 1, 28, 28)), "cotangent": one_hot([1])}
    with pytest.raises(BadInput, match=r"^path_start, read as image: values are .*; expected 0 to 1, the range"):
        ask(given | path(images(1), 2), explanation=False)
    with pytest.raises(BadInput, match=r"^path_start: shape is \[0, 1, 28, 28\]"):
        ask(given | path(images(0), 2), explanation=False)


def test_points_that_overflow_are_refused(ask):
    ends = np.full((1, 1, 28, 28), 3e38, np.float32)
    with pytest.raises(BadInput, match="a path has points that overflow"):
        ask({"image": ends, **path(-ends, 2), "cotangent": one_hot([1])}, ["gradient"])


GIVEN = path(images(2), 4)
PREDICTED = {"predicted_rows": 2, "gradient_from": 0}
CASES = {
    "a part of a path": ({"path_start": images(2)}, PREDICTED, "only path_start was sent for a path; expected all of"),
    "no gradient": (GIVEN, {}, "there is a path without a gradient"),
    "another shape": ({**GIVEN, "path_start": images(2)[..., :27]}, PREDICTED, r"path_start: shape is \[2, 1, 28, 27"),
    "more paths than rows": ({**GIVEN, "path_start": images(4)}, PREDICTED, "with 1 to 3 paths"),
    "no path": ({**GIVEN, "path_start": images(0)}, PREDICTED, "with 1 to 3 paths"),
    "nodes without weights": ({**GIVEN, "path_weights": np.ones(3)}, PREDICTED, r"shapes are \[4\] and \[3\]"),
    "no steps": (GIVEN | {"path_nodes": np.ones(0), "path_weights": np.ones(0)}, PREDICTED, "at least one"),
    "no shape": (
        {**GIVEN, "path_start": np.float32(1)},
        PREDICTED,
        r"path_start: shape is \[\]; expected \[paths, 1, 28",
    ),
    "no numbers": ({**GIVEN, "path_nodes": np.full(4, np.nan)}, PREDICTED, "path_nodes: holds NaN"),
    "other predicted rows": (GIVEN, {"predicted_rows": 3, "gradient_from": 0}, "expected predicted_rows 2 and"),
    "a later gradient": (GIVEN, {"predicted_rows": 2, "gradient_from": 2}, "expected predicted_rows 2 and"),
    "another cotangent": ({**GIVEN, "cotangent": one_hot([1, 2, 3])}, {}, r"cotangent: shape is \[3, 10\]; expected"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_does_not_fit_is_refused(ask, name):
    tensors, parameters, message = CASES[name]
    with pytest.raises(BadInput, match=message):
        ask({"image": images(3), **tensors}, **parameters)


def test_points_count_as_rows_and_their_gradients_as_an_answer(ask):
    with pytest.raises(
        TooLarge, match=r"the source with the 2 x 200 points of a path: has 402 rows; expected at most 400"
    ):
        ask({"image": images(2), **path(images(2), 200)}, **PREDICTED)
    with pytest.raises(
        TooLarge,
        match=r"the values with the gradients of 2 x 100 points of a path have \d+ bytes; expected at most 3000000",
    ):
        ask({"image": images(2), **path(images(2), 100)}, **PREDICTED, gradient_source="conv1")


def test_a_sum_that_overflows_is_refused(ask):
    along = path(images(1), 20)
    cotangent = 1e6 * one_hot([3])
    largest = np.abs(ask({"image": images(1, seed=1), **along, "cotangent": cotangent})["gradient"]).max()
    assert largest > 2
    along["path_weights"] = np.full(20, 3e38, np.float32)
    with pytest.raises(BadInput, match="gradient overflows"):
        ask({"image": images(1, seed=1), **along, "cotangent": cotangent})
