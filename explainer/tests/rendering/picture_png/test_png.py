import io
import json

import numpy as np
import pytest
import torch
from captum_explainer.attribution.explain import explain
from captum_explainer.attribution.explanations import Explanations
from captum_explainer.formats import dispatch
from captum_explainer.formats.request import Incoming
from captum_explainer.rendering.picture_png.png import MOST_PIXELS
from captum_serving.errors import BadInput
from PIL import Image

NEUTRAL = 240


@pytest.fixture
def answered(description, plain_predictor, settings):
    """Answers a request's document."""

    def answer(document, accept=""):
        body = json.dumps(document).encode()
        request, write = dispatch.read(Incoming(body, accept=accept), description, settings)
        plans = request.plan(description, plain_predictor, settings.limits, settings.defaults)
        return write(explain(plans), description)

    return answer


def found(values, details):
    return Explanations(values, [details] * len(values), {}, np.zeros((len(values), 3), np.float32), values)


def opened(answer):
    assert answer.media_type == "image/png"
    image = Image.open(io.BytesIO(answer.body))
    assert image.format == "PNG"
    return image


def pixels(answer):
    return np.asarray(opened(answer)).astype(int)


def document(images, render="png", **parameters):
    return {"instances": images.tolist(), "parameters": parameters, "render": render}


def test_every_pixel_has_the_colour_of_its_attribution(answered, images):
    plain = json.loads(answered({"instances": images[:1].tolist()}).body)
    values = np.array(plain["explanations"][0])[0]
    picture = pixels(answered(document(images[:1], {"look": "heat_map", "scale": 5})))
    assert picture.shape == (30, 30, 3)
    assert (picture == picture[::5, ::5].repeat(5, 0).repeat(5, 1)).all()
    redder = picture[::5, ::5, 0] - picture[::5, ::5, 2]
    clear = np.abs(values) > 0.1 * np.abs(values).max()
    assert clear.sum() > 5
    np.testing.assert_array_equal(np.sign(redder[clear]), np.sign(values[clear]))


def test_a_small_input_is_scaled_up_to_be_readable(answered, images):
    assert opened(answered(document(images[:1]))).size == (258, 258)


def test_the_accept_header_asks_for_the_default_look(answered, images):
    request = document(images[:1])
    asked = answered(request)
    del request["render"]
    assert answered(request, accept="image/png").body == asked.body
    assert answered(request, accept="*/*").media_type == "application/json"
    request["render"] = {"look": "heat_map"}
    assert pixels(answered(request, accept="application/json")).shape == (258, 258, 3)


def test_a_pictures_bytes_are_answered_by_a_picture(description, plain_predictor, settings, answered):
    buffer = io.BytesIO()
    grey = np.arange(36, dtype=np.uint8).reshape(6, 6) * 7
    Image.fromarray(grey).save(buffer, "PNG")
    request, write = dispatch.read(Incoming(buffer.getvalue(), accept="image/png"), description, settings)
    plans = request.plan(description, plain_predictor, settings.limits, settings.defaults)
    answer = write(explain(plans), description)
    instance = torch.from_numpy(grey / np.float32(255))[None, None]
    np.testing.assert_array_equal(pixels(answer), pixels(answered(document(instance))))


def test_instances_are_rows_and_top_k_are_columns(answered, images):
    look = {"look": "heat_map", "scale": 20, "titles": False}
    sheet = pixels(answered(document(images, look, top_k=3, method="saliency", abs=False)))
    assert sheet.shape == (2 * 132 - 12, 3 * 132 - 12, 3)
    for i in range(2):
        alone = pixels(answered(document(images[i : i + 1], look, top_k=3, method="saliency", abs=False)))
        np.testing.assert_array_equal(sheet[i * 132 : i * 132 + 120], alone)
    ranked = json.loads(answered({"instances": images[:1].tolist(), "parameters": {"top_k": 3}}).body)["details"][0]
    last = pixels(answered(document(images[:1], look, target=ranked[2]["target"], method="saliency", abs=False)))
    np.testing.assert_array_equal(sheet[:120, 2 * 132 :], last)


def test_the_text_chunk_says_what_the_json_says_beside_the_attributions(answered, images):
    request = {"instances": images.tolist(), "parameters": {"method": "deep_lift"}}
    plain = json.loads(answered(request).body)
    chunk = json.loads(opened(answered(request | {"render": "png"})).text["Explanation"])
    assert [row for (row,) in chunk["details"]] == plain["details"]
    assert chunk["parameters"] == plain["parameters"]
    assert chunk["model"] == plain["model"]


def test_arrays_are_left_out_of_the_text_chunk(answered, images):
    request = document(images[:1], baselines=torch.rand(1, 6, 6, dtype=torch.float64).tolist(), method="deep_lift")
    big = document(images[:1], baselines=torch.rand(60, 1, 6, 6).tolist(), method="gradient_shap", n_samples=5)
    assert "baselines" in json.loads(opened(answered(request)).text["Explanation"])["parameters"]
    assert "baselines" not in json.loads(opened(answered(big)).text["Explanation"])["parameters"]


def test_all_zero_attributions_are_a_neutral_picture(answered, images):
    # Between an input and itself there is nothing to attribute.
    request = document(images[:1], {"look": "heat_map", "show_colorbar": True}, baselines=images[0].tolist())
    picture = pixels(answered(request))
    assert picture[12:270, 12:270].min() > NEUTRAL
    blended = pixels(answered(document(images[:1], baselines=images[0].tolist())))
    assert np.ptp(blended, axis=2).max() < 8


@pytest.mark.parametrize("layer", ["conv", "pool"])
def test_a_layer_lies_over_the_input(answered, images, layer):
    """The sum over its channels, each cell over the pixels that it stands for."""
    parameters = {"method": "layer_integrated_gradients", "layer": layer}
    request = {"instances": images[:1].tolist(), "parameters": parameters}
    values = np.array(json.loads(answered(request).body)["explanations"][0]).sum(axis=0)
    side = 6 // len(values)
    picture = pixels(answered(request | {"render": {"look": "heat_map", "scale": 1}}))
    assert picture.shape == (6, 6, 3)
    redder = (picture[..., 0] - picture[..., 2])[::side, ::side]
    assert (picture == picture[::side, ::side].repeat(side, 0).repeat(side, 1)).all()
    clear = np.abs(values) > 0.1 * np.abs(values).max()
    np.testing.assert_array_equal(np.sign(redder[clear]), np.sign(values[clear]))


def test_a_layer_may_be_interpolated(answered, images):
    parameters = {"method": "layer_integrated_gradients", "layer": "pool"}
    render = {"look": "heat_map", "scale": 1}
    blocky = pixels(answered(document(images[:1], render, **parameters)))
    smooth = pixels(answered(document(images[:1], render, **parameters, interpolate_mode="bilinear")))
    assert (blocky != smooth).any()
    upsampled = answered(document(images[:1], render, **parameters, interpolate_mode="bilinear", upsample=True))
    np.testing.assert_array_equal(smooth, pixels(upsampled))


def test_a_neurons_picture_is_titled_by_the_neuron(answered, images):
    parameters = {"method": "neuron_gradient", "layer": "conv", "neuron": [1, 2, 3]}
    titled = opened(answered(document(images[:1], {"titles": True}, **parameters)))
    bare = opened(answered(document(images[:1], **parameters)))
    assert titled.size[1] > bare.size[1]


@pytest.mark.parametrize("layer", ["flat", "logits"])
def test_a_layer_without_height_and_width_has_no_picture(answered, images, layer):
    with pytest.raises(BadInput, match=rf"the layer '{layer}' have the shape \[\d+\]; expected those of a layer with"):
        answered(document(images[:1], method="layer_grad_cam", layer=layer))


def test_what_is_no_picture_has_none(description, settings):
    tabular = Incoming(json.dumps({"instances": [[1.0, 2.0]], "render": "png"}).encode())
    unknown_shape = type(description)("forest")
    with pytest.raises(BadInput, match=r"the instances have the shape \[2\]; expected pictures, or no 'render'"):
        dispatch.read(tabular, unknown_shape, settings)


def test_many_pictures_get_smaller_and_too_many_are_refused(description, settings):
    def written(count, render):
        zeros = np.zeros((1, 6, 6), dtype=np.float32)
        body = json.dumps({"instances": [zeros.tolist()] * count, "render": render}).encode()
        _, write = dispatch.read(Incoming(body), description, settings)
        details = {"target": 0, "target_label": "ant", "prediction": 0, "probability": 0.5}
        return write(found([zeros] * count, details), description)

    size = opened(written(300, "png")).size
    assert size[0] * size[1] <= MOST_PIXELS
    assert size[0] < 258
    with pytest.raises(BadInput, match=r"would be 384x\d+; expected at most 16777216 pixels"):
        written(300, {"scale": 60})


@pytest.mark.parametrize(("count", "top_k"), [(200, 1), (100, 3)])
def test_one_that_would_be_too_large_is_refused_before_anything_is_computed(count, top_k, description, settings):
    body = json.dumps(document(np.zeros((count, 1, 6, 6)), {"scale": 60}, top_k=top_k)).encode()
    with pytest.raises(BadInput, match=r"would be \d+x\d+; expected at most 16777216 pixels"):
        dispatch.read(Incoming(body), description, settings)


def test_the_same_answer_has_the_same_bytes(answered, images):
    render = {"titles": True, "show_colorbar": True}
    request = document(images, render, top_k=2, method="gradient_shap")
    assert answered(request).body == answered(request).body


@pytest.mark.parametrize("label", ["猫\n🐈", "\x00", "x" * 5000])
def test_a_label_of_any_characters_is_in_the_text_chunk(description, settings, images, label):
    _, write = dispatch.read(Incoming(json.dumps(document(images[:1])).encode()), description, settings)
    details = {"target": 0, "target_label": label, "prediction": 0, "probability": 0.5}
    answer = write(found([images[0].numpy()], details), description)
    assert answer.headers == {}
    chunk = json.loads(opened(answer).text["Explanation"])
    assert chunk["details"][0][0].get("target_label") == (label if len(label) < 1000 else None)
