import numpy as np
import pytest
import torch
from captum_explainer.inputs.superpixels import is_picture, segment
from captum_serving.errors import BadInput

LEVELS = np.random.default_rng(4).integers(0, 256, (14, 12))
SUPERPIXELS = ("slic", "felzenszwalb", "quickshift")
PLANAR = (*SUPERPIXELS, "grid")


def picture(scale=255.0):
    return torch.from_numpy((np.kron(LEVELS, np.ones((2, 2))) / scale).astype(np.float32))[None]


@pytest.mark.parametrize("shape", [(28, 24), (1, 28, 24), (2, 28, 24), (3, 28, 24), (4, 28, 24), (28, 24, 3)])
@pytest.mark.parametrize("algorithm", [*PLANAR, "pixels"])
def test_segments_are_numbered_from_0_without_gaps(algorithm, shape):
    instance = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    mask = segment(instance, algorithm, 30, (0.0, 1.0))
    assert mask.dtype == torch.int64
    assert mask.shape == (1, *shape)
    assert sorted(set(mask.flatten().tolist())) == list(range(int(mask.max()) + 1))


@pytest.mark.parametrize("algorithm", PLANAR)
def test_segments_do_not_depend_on_the_units_of_the_pixels(algorithm):
    unit = segment(picture(), algorithm, 30, (0.0, 1.0))
    assert torch.equal(unit, segment(picture(1.0), algorithm, 30, (0.0, 255.0)))
    assert unit.max() > 1


@pytest.mark.parametrize("algorithm", SUPERPIXELS)
def test_without_a_declared_range_the_pictures_own_is_taken(algorithm):
    whole = picture()
    whole[0, 0, 0], whole[0, 0, 1] = 0.0, 1.0
    assert torch.equal(segment(whole, algorithm, 30, (0.0, 1.0)), segment(whole * 7 - 3, algorithm, 30, (-3.0, 4.0)))
    assert torch.equal(segment(whole, algorithm, 30, (0.0, 1.0)), segment(whole, algorithm, 30, None))


@pytest.mark.parametrize("algorithm", PLANAR)
def test_the_layouts_agree(algorithm):
    first = picture().expand(3, -1, -1).clone()
    first[1] /= 2
    planar = segment(first, algorithm, 30, (0.0, 1.0))
    last = segment(torch.movedim(first, 0, 2).contiguous(), algorithm, 30, (0.0, 1.0))
    assert torch.equal(planar, torch.movedim(last, 3, 1))
    assert torch.equal(planar[0, 0], planar[0, 2])
    grey = segment(picture(), algorithm, 30, (0.0, 1.0))
    assert torch.equal(grey[0], segment(picture()[0], algorithm, 30, (0.0, 1.0)))


def test_a_grid_is_of_square_patches_in_reading_order():
    mask = segment(torch.rand(1, 4, 6), "grid", 6, (0.0, 1.0))
    assert mask[0, 0].tolist() == [[0, 0, 1, 1, 2, 2]] * 2 + [[3, 3, 4, 4, 5, 5]] * 2


def test_a_grid_of_more_patches_than_pixels_is_of_pixels():
    assert segment(torch.rand(2, 2), "grid", 100, (0.0, 1.0))[0].tolist() == [[0, 1], [2, 3]]


def test_pixels_are_single_values_of_any_shape():
    assert segment(torch.rand(2, 3), "pixels", 30, None).tolist() == [[[0, 1, 2], [3, 4, 5]]]
    assert segment(torch.rand(3), "pixels", 30, None).tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("algorithm", SUPERPIXELS)
def test_superpixels_follow_an_edge(algorithm):
    halves = torch.zeros(1, 20, 20)
    halves[..., 10:] = 1.0
    mask = segment(halves, algorithm, 4, (0.0, 1.0))[0, 0]
    assert not set(mask[:, :10].flatten().tolist()) & set(mask[:, 10:].flatten().tolist())


@pytest.mark.parametrize("algorithm", SUPERPIXELS)
def test_superpixels_follow_an_edge_that_only_a_later_channel_has(algorithm):
    halves = torch.zeros(2, 20, 20)
    halves[1, :, 10:] = 1.0
    mask = segment(halves, algorithm, 4, (0.0, 1.0))[0, 0]
    assert not set(mask[:, :10].flatten().tolist()) & set(mask[:, 10:].flatten().tolist())


@pytest.mark.parametrize("algorithm", PLANAR)
def test_what_is_no_picture_is_refused(algorithm):
    with pytest.raises(BadInput, match=r"the shape \[5\] is not a picture's; expected 'pixels'"):
        segment(torch.rand(5), algorithm, 30, None)


def test_the_default_is_superpixels_for_pictures_and_values_for_the_rest():
    assert is_picture((1, 28, 28))
    assert is_picture(None)
    assert not is_picture((13,))
