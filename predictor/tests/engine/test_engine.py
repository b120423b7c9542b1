import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from captum_predictor.engine.engine import split_evenly
from captum_predictor.engine.lanes import Priority
from captum_predictor.engine.query import GivenCotangents, Query
from captum_predictor.model.architectures import build_network
from captum_serving.errors import BadInput
from torch import nn

ROWS = 30


def compute(engine, segment, source, cotangent=None, priority=Priority.PREDICTION, **how):
    cotangents = None if cotangent is None else GivenCotangents(cotangent)
    return asyncio.run(engine.compute(Query(segment, source, priority, cotangents=cotangents, **how)))


def last_value(answer):
    return [value for name, value in answer.items() if name != "gradient"][-1]


def images(rows, seed=0):
    return np.random.default_rng(seed).random((rows, 1, 28, 28), np.float32)


def in_process(architecture):
    """The network as a plain torch module, with the same weights as the served one, frozen and channels_last."""
    torch.manual_seed(0)
    network = build_network(architecture, {}).eval().requires_grad_(False)
    return network.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("architecture", ["mnist_cnn", "fashion_cnn"])
def test_every_segments_value_and_gradient_are_plain_torchs_bit_for_bit(architecture, engine, served_as):
    network = in_process(architecture)
    model = served_as((1, 28, 28), **dict(network.named_children()))
    modules = list(network)
    activations = [torch.from_numpy(images(ROWS))]
    for module in modules:
        activations.append(module(activations[-1]))
    names = [*model.sources, model.stages[-1].name]
    generator = torch.Generator().manual_seed(1)
    for begin in range(len(modules)):
        for end in range(begin + 1, len(names)):
            leaf = activations[begin].detach().clone().requires_grad_(True)
            value = leaf
            for module in modules[begin:end]:
                value = module(value)
            cotangent = torch.randn(value.shape, generator=generator)
            (gradient,) = torch.autograd.grad(value, leaf, cotangent)
            segment = model.find_segment(names[begin], names[end])
            source = activations[begin].contiguous().numpy()
            answer = compute(engine, segment, source, cotangent.numpy())
            between = f"{names[begin]} to {names[end]}"
            np.testing.assert_array_equal(last_value(answer), value.detach().numpy(), between, strict=True)
            np.testing.assert_array_equal(answer["gradient"], gradient.numpy(), between, strict=True)
            alone = compute(engine, segment, source)
            assert "gradient" not in alone
            np.testing.assert_array_equal(last_value(alone), last_value(answer), between, strict=True)


def test_a_cotangent_of_pooling_to_a_fixed_size_lies_in_memory_as_a_flatten_behind_it_leaves_it(engine, served_as):
    pool, flatten = nn.AdaptiveAvgPool2d(2), nn.Flatten()
    segment = served_as((8, 28, 28), pool=pool, flatten=flatten).find_segment("image", "pool")
    generator = torch.Generator().manual_seed(0)
    leaf = torch.randn(ROWS, 8, 28, 28, generator=generator).to(memory_format=torch.channels_last).requires_grad_()
    cotangent = torch.randn(ROWS, 32, generator=generator)
    (gradient,) = torch.autograd.grad(flatten(pool(leaf)), leaf, cotangent)
    answer = compute(engine, segment, leaf.detach().numpy(), cotangent.reshape(ROWS, 8, 2, 2).numpy())
    np.testing.assert_array_equal(answer["gradient"], gradient.numpy())


def test_the_gradient_of_a_flatten_comes_to_the_relu_before_it_as_its_value_lies_in_memory(engine, served_as):
    layouts = []
    relu = nn.ReLU()
    relu.register_full_backward_hook(
        lambda module, by_input, by_output: layouts.append(
            by_output[0].is_contiguous(memory_format=torch.channels_last)
        )
    )
    segment = served_as((8, 6, 6), relu=relu, flatten=nn.Flatten()).find_segment("image", "flatten")
    generator = np.random.default_rng(0)
    source = generator.standard_normal((ROWS, 8, 6, 6), np.float32)
    cotangent = generator.standard_normal((ROWS, 8 * 6 * 6), np.float32)
    answer = compute(engine, segment, source, cotangent)
    assert layouts == [True, True]
    np.testing.assert_array_equal(answer["gradient"], np.where(source > 0, cotangent.reshape(source.shape), 0))


@pytest.mark.parametrize("rows", [2, ROWS])
@pytest.mark.parametrize("architecture", ["mnist_cnn", "fashion_cnn"])
def test_values_on_the_way_are_those_of_segments_asked_for_one_by_one(architecture, rows, engine, served_as):
    model = served_as((1, 28, 28), **dict(in_process(architecture).named_children()))
    source, also = images(rows), {stage.name for stage in model.stages}
    together = compute(engine, model.find_segment("image", None), source, wanted=also)
    assert list(together) == [stage.name for stage in model.stages]
    for before, name in zip(model.sources, together, strict=True):
        alone = compute(engine, model.find_segment(before, name), source)
        np.testing.assert_array_equal(together[name], last_value(alone), name, strict=True)
        source = last_value(alone)
    cotangent = np.eye(10, dtype=np.float32)[[3] * rows]
    with_gradient = compute(engine, model.find_segment("image", None), images(rows), cotangent, wanted=also)
    for name, value in together.items():
        np.testing.assert_array_equal(with_gradient[name], value, name, strict=True)


def test_a_value_on_the_way_is_not_written_over(engine, served_as):
    model = served_as((3,), doubled=Doubled(), relu=nn.ReLU(inplace=True))
    source = np.array([[-1, 0, 1]], np.float32)
    for cotangent, part in ((None, None), (source, None), (source, model.find_segment("image", "doubled"))):
        whole, also = model.find_segment("image", None), ["doubled"]
        computed = compute(engine, whole, source, cotangent, wanted=also, differentiated=part)
        np.testing.assert_array_equal(computed["doubled"], source * 2)


class Doubled(nn.Module):
    def forward(self, inputs):
        return inputs * 2


def test_answers_are_row_major(engine, mnist):
    answer = compute(engine, mnist.find_segment("image", "conv1"), images(3), np.ones((3, 64, 28, 28), np.float32))
    assert last_value(answer).flags.c_contiguous
    assert answer["gradient"].flags.c_contiguous


def test_a_read_only_and_unaligned_body_is_taken_as_it_is(engine, mnist):
    segment = mnist.find_segment("image", None)
    source = images(2)
    body = b"x" + source.tobytes()
    view = np.frombuffer(memoryview(body)[1:], np.float32).reshape(source.shape)
    assert not view.flags.writeable
    np.testing.assert_array_equal(
        last_value(compute(engine, segment, view)), last_value(compute(engine, segment, source))
    )


@pytest.mark.parametrize(
    ("rows", "lanes", "sizes"),
    [(20, 2, [5, 5, 5, 5]), (20, 1, [6, 7, 7]), (8, 2, [8]), (9, 4, [2, 2, 2, 3]), (9, 16, [1] * 9)],
)
def test_chunks_are_as_many_for_each_lane(rows, lanes, sizes):
    assert [part.stop - part.start for part in split_evenly(rows, 8, lanes)] == sizes


def test_a_batch_is_split_evenly_into_the_fewest_chunks():
    assert [part.stop - part.start for part in split_evenly(101)] == [20, 20, 20, 20, 21]
    for rows in range(1, 300):
        parts = split_evenly(rows)
        sizes = [part.stop - part.start for part in parts]
        assert sum(sizes) == rows
        assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
        assert max(sizes) <= 25
        assert max(sizes) - min(sizes) <= 1
        assert len(parts) == -(-rows // 25)


@pytest.mark.parametrize("rows", [1, 5, 11, 12, 25, 26, 50, 60])
def test_the_same_call_gives_the_same_bytes_under_load_as_alone(engine, mnist, rows):
    segment = mnist.find_segment("image", None)
    source, cotangent = images(rows), np.random.default_rng(1).random((rows, 10), np.float32)
    alone = compute(engine, segment, source, cotangent)
    stop = threading.Event()

    def load(seed):
        while not stop.is_set():
            compute(engine, segment, images(37, seed), None, Priority.EXPLANATION)

    with ThreadPoolExecutor(8) as threads:
        loads = [threads.submit(load, seed) for seed in range(7)]
        try:
            for _ in range(5):
                answer = compute(engine, segment, source, cotangent)
                assert last_value(answer).tobytes() == last_value(alone).tobytes()
                assert answer["gradient"].tobytes() == alone["gradient"].tobytes()
        finally:
            stop.set()
        for future in loads:
            future.result()


def test_a_sink_that_does_not_depend_on_the_source_has_a_gradient_of_zeros(engine, served_as):
    class Constant(nn.Module):
        def forward(self, inputs):
            return torch.ones(len(inputs), 2, requires_grad=True) * 1

    segment = served_as((3,), constant=Constant()).find_segment("image", None)
    answer = compute(engine, segment, np.ones((2, 3), np.float32), np.ones((2, 2), np.float32))
    np.testing.assert_array_equal(answer["gradient"], np.zeros((2, 3)))


class Detached(nn.Module):
    def forward(self, inputs):
        return inputs.detach() * 2


def test_a_stage_that_cannot_be_differentiated_is_the_callers_error(engine, served_as):
    segment = served_as((3,), doubled=Detached()).find_segment("image", None)
    source = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(last_value(compute(engine, segment, source)), source * 2)
    with pytest.raises(BadInput, match=r"^'doubled' has no gradient by 'image'; expected no cotangent$"):
        compute(engine, segment, source, source)


class Converted(nn.Module):
    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, inputs):
        return (inputs * inputs).to(self.dtype)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_values_of_another_precision_are_answered_as_float32(engine, served_as, dtype):
    segment = served_as((2,), converted=Converted(dtype)).find_segment("image", None)
    source = np.array([[1 / 3, 1e2], [-7, 0]], np.float32)
    expected = torch.from_numpy(source).square().to(dtype).float().numpy()
    np.testing.assert_array_equal(last_value(compute(engine, segment, source)), expected, strict=True)


class Squared(nn.Module):
    def forward(self, inputs):
        return inputs * inputs


def test_an_answer_that_overflows_is_an_error_and_no_number(engine, served_as):
    segment = served_as((2,), squared=Squared()).find_segment("image", None)
    with pytest.raises(BadInput, match=r"^squared overflows to infinity or NaN for this input"):
        compute(engine, segment, np.full((1, 2), 1e30, np.float32))
    with pytest.raises(BadInput, match=r"^gradient overflows to infinity or NaN for this input"):
        compute(engine, segment, np.full((1, 2), 1e3, np.float32), np.full((1, 2), 1e38, np.float32))
