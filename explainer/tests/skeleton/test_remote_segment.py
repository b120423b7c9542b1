import numpy as np
import pytest
import torch
from captum_explainer.attribution.foresight import target_cotangent
from captum_explainer.skeleton.remote_segment import RemoteSegment


@pytest.fixture
def segment(segments):
    return RemoteSegment(segments, "image", "logits")


def gradient(model, images, cotangent):
    given = images.clone().requires_grad_()
    (result,) = torch.autograd.grad(model(given), given, cotangent)
    return result


def test_where_the_foresight_is_right_one_call_gives_value_and_gradient(segment, segments, network, images):
    segment.foresee = target_cotangent([2, 0], 3)
    cotangent = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    assert torch.equal(gradient(segment, images, cotangent), gradient(network, images, cotangent))
    assert segments.asked == [("image", "logits", True)]


def test_where_it_is_wrong_a_second_call_gives_the_right_gradient(segment, segments, network, images):
    segment.foresee = target_cotangent([2, 0], 3)
    cotangent = torch.tensor([[0.0, 0.5, 1.0], [1.0, 0.0, 0.0]])
    assert torch.equal(gradient(segment, images, cotangent), gradient(network, images, cotangent))
    assert segments.asked == [("image", "logits", True)] * 2


@pytest.mark.parametrize("foresee", [None, lambda rows: None])
def test_without_foresight_the_gradient_is_a_second_call(foresee, segment, segments, network, images):
    segment.foresee = foresee
    cotangent = torch.ones(2, 3)
    assert torch.equal(gradient(segment, images, cotangent), gradient(network, images, cotangent))
    assert segments.asked == [("image", "logits", False), ("image", "logits", True)]


def test_where_no_gradient_is_wanted_no_cotangent_is_sent(segment, segments, network, images):
    segment.foresee = target_cotangent([2, 0], 3)
    with torch.no_grad():
        assert torch.equal(segment(images), network(images))
    segment(images)  # nor where the input does not require it
    assert segments.asked == [("image", "logits", False)] * 2


def test_of_an_input_without_gradient_the_backward_pass_asks_nothing(segment, segments, images):
    output = segment(images)
    assert output.requires_grad  # by the anchor: Captum hooks such tensors
    output.sum().backward()
    assert segment.anchor.grad is None
    assert segments.asked == [("image", "logits", False)]


def test_values_and_gradients_may_be_written_to(segment, images):
    value = segment(images.requires_grad_())
    with torch.no_grad():
        value += 1.0
    (result,) = torch.autograd.grad(segment(images).sum(), images)
    result += 1.0


def test_rows_are_sent_as_contiguous_float32(segments):
    sent = []
    ask = segments.ask
    segments.ask = lambda source, sink, rows, cotangent=None: sent.append(rows) or ask(source, sink, rows, cotangent)
    strided = torch.rand(2, 6, 6, 1, dtype=torch.float64).permute(0, 3, 2, 1)
    RemoteSegment(segments, "image", "conv")(strided)
    assert sent[0].dtype == np.float32
    assert sent[0].flags.c_contiguous
    np.testing.assert_array_equal(sent[0], strided.numpy().astype(np.float32))


def test_images_come_back_in_the_memory_layout_that_they_have_in_process(segments, images):
    segment = RemoteSegment(segments, "image", "conv")
    assert segment(images).is_contiguous(memory_format=torch.channels_last)
    flat = RemoteSegment(segments, "pool", "logits", torch.contiguous_format)
    planes = torch.rand(2, 2, 3, 3).to(memory_format=torch.channels_last).requires_grad_()
    (result,) = torch.autograd.grad(flat(planes).sum(), planes)
    assert result.is_contiguous()
