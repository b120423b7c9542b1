import numpy as np
import pytest
import torch
from captum_explainer.attribution.expected_cotangents import expect_targets
from captum_explainer.skeleton.answer_book import AnswerBook
from captum_explainer.skeleton.remote_segment import RemoteSegment


@pytest.fixture
def book(plain_predictor):
    return AnswerBook(plain_predictor)


@pytest.fixture
def segment(book):
    return RemoteSegment(book, ("image",), ("logits",))


def gradient(model, images, cotangent):
    given = images.clone().requires_grad_()
    (result,) = torch.autograd.grad(model(given), given, cotangent)
    return result


def test_where_the_expected_cotangent_comes_one_call_gives_value_and_gradient(
    book, segment, plain_predictor, network, images
):
    book.expect(None, {"logits": expect_targets([2, 0], 3)})
    cotangent = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    assert torch.equal(gradient(segment, images, cotangent), gradient(network, images, cotangent))
    assert plain_predictor.asked == [("image", "logits", True)]


def test_where_another_comes_a_second_call_gives_the_right_gradient(book, segment, plain_predictor, network, images):
    book.expect(None, {"logits": expect_targets([2, 0], 3)})
    cotangent = torch.tensor([[0.0, 0.5, 1.0], [1.0, 0.0, 0.0]])
    assert torch.equal(gradient(segment, images, cotangent), gradient(network, images, cotangent))
    assert plain_predictor.asked == [("image", "logits", True)] * 2


def test_where_none_is_expected_the_gradient_is_a_second_call(segment, plain_predictor, network, images):
    cotangent = torch.ones(2, 3)
    assert torch.equal(gradient(segment, images, cotangent), gradient(network, images, cotangent))
    assert plain_predictor.asked == [("image", "logits", False), ("image", "logits", True)]


def test_where_no_gradient_is_wanted_no_cotangent_is_sent(book, segment, plain_predictor, network, images):
    book.expect(None, {"logits": expect_targets([2, 0], 3)})
    with torch.no_grad():
        assert torch.equal(segment(images), network(images))
    segment(images)  # nor where the input does not require it
    assert plain_predictor.asked == [("image", "logits", False)] * 2


def test_of_an_input_without_gradient_the_backward_pass_asks_nothing(segment, plain_predictor, images):
    output = segment(images)
    assert output.requires_grad  # by the anchor: Captum hooks such tensors
    output.sum().backward()
    assert segment.anchor.grad is None
    assert plain_predictor.asked == [("image", "logits", False)]


@pytest.fixture
def fork(local_predictor):
    """A segment of two sinks."""
    return RemoteSegment(local_predictor, ("relu",), ("pool", "logits"))


def test_several_sinks_values_come_by_one_call_in_their_order(fork, local_predictor, stages):
    rows = torch.rand(2, 2, 6, 6)
    pool, logits = fork(rows)
    assert torch.equal(pool, stages["pool"](rows))
    assert torch.equal(logits, stages["logits"](stages["flat"](pool)))
    assert local_predictor.asked == [("relu", ("pool", "logits"), False)]


def test_cotangents_are_sent_for_the_sinks_alone_that_have_one(fork, local_predictor, stages):
    rows = torch.rand(2, 2, 6, 6, requires_grad=True)
    pool, logits = fork(rows)
    expected = stages["pool"](rows)
    for outputs, references in (
        ((logits,), (stages["logits"](stages["flat"](expected)),)),
        ((pool, logits), (expected, stages["logits"](stages["flat"](expected)))),
    ):
        cotangents = [torch.rand_like(output) for output in outputs]
        (result,) = torch.autograd.grad(outputs, rows, cotangents, retain_graph=True)
        (reference,) = torch.autograd.grad(references, rows, cotangents, retain_graph=True)
        assert torch.equal(result, reference)
    assert local_predictor.asked[1:] == [("relu", "logits", True), ("relu", ("pool", "logits"), True)]


@pytest.mark.parametrize("wanted", [(True, False), (False, True), (True, True)])
def test_gradients_are_asked_for_by_the_sources_alone_that_need_one(wanted, make_predictor):
    product = make_predictor({"product": torch.mul}, sources={"product": ("left", "right")})
    segment = RemoteSegment(product, ("left", "right"), ("product",))
    left, right = (torch.rand(2, 3, requires_grad=needed) for needed in wanted)
    segment(left, right).sum().backward()
    asked = product.exchanges[-1].derivative
    assert asked.sources == tuple(name for name, needed in zip(("left", "right"), wanted, strict=True) if needed)
    for rows, other, needed in ((left, right, wanted[0]), (right, left, wanted[1])):
        assert torch.equal(rows.grad, other) if needed else rows.grad is None


def test_values_and_gradients_may_be_written_to(segment, images):
    value = segment(images.requires_grad_())
    with torch.no_grad():
        value += 1.0
    (result,) = torch.autograd.grad(segment(images).sum(), images)
    result += 1.0


def test_rows_are_sent_as_contiguous_float32(plain_predictor):
    strided = torch.rand(2, 6, 6, 1, dtype=torch.float64).permute(0, 3, 2, 1)
    RemoteSegment(plain_predictor, ("image",), ("conv",))(strided)
    ((sent,),) = (exchange.sources.values() for exchange in plain_predictor.exchanges)
    assert sent.dtype == np.float32
    assert sent.flags.c_contiguous
    np.testing.assert_array_equal(sent, strided.numpy().astype(np.float32))


def test_images_come_back_in_the_memory_layout_that_they_have_in_process(plain_predictor, images):
    segment = RemoteSegment(plain_predictor, ("image",), ("conv",))
    assert segment(images).is_contiguous(memory_format=torch.channels_last)
    flat = RemoteSegment(plain_predictor, ("pool",), ("logits",), torch.contiguous_format)
    planes = torch.rand(2, 2, 3, 3).to(memory_format=torch.channels_last).requires_grad_()
    (result,) = torch.autograd.grad(flat(planes).sum(), planes)
    assert result.is_contiguous()
