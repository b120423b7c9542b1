import dataclasses
import io
import json

import numpy as np
import pytest
import torch
from captum_explainer.attribution.explain import explain
from captum_explainer.formats import dispatch, native
from captum_explainer.formats.request import Incoming
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.settings import AixDefaults
from captum_serving.errors import BadInput
from PIL import Image

PICTURE = torch.rand(6, 6, generator=torch.Generator().manual_seed(4)).tolist()
COLOURS = torch.rand(6, 6, 3, generator=torch.Generator().manual_seed(5)).tolist()
AIX = {"method": "lime", "surrogate": "ridge", "output": "probability", "baselines": 0}


@pytest.fixture
def read(description, settings):
    """Reads a body of AIX's or of ours."""

    def read(document, of=description, **flags):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return dispatch.read(Incoming(body), of, dataclasses.replace(settings, aix=AixDefaults(**flags)))

    return read


@pytest.fixture
def answered(read, description, plain_predictor, settings):
    """What the tiny network's explanation is in AIX's words."""

    def answer(document, **flags):
        request, write = read(document, **flags)
        plans = request.plan(description, plain_predictor, settings.limits, settings.defaults)
        written = write(explain(plans), description)
        assert written.media_type == "application/json"
        return json.loads(written.body)

    return answer


@pytest.mark.parametrize("key", ["top_labels", "segmentation_alg", "positive_only", "min_weight", "format"])
def test_one_of_aixs_keys_is_enough(key, read):
    value = {"top_labels": 2, "segmentation_alg": "slic", "positive_only": "true", "min_weight": 0, "format": "aix"}[
        key
    ]
    assert read({"instances": [PICTURE], key: value}).write is not native.write


def test_an_explainer_that_stands_in_for_aixs_answers_as_it_did_unless_it_is_told(read):
    assert read({"instances": [PICTURE]}).write is native.write
    assert read({"instances": [PICTURE]}, explainer_type="LimeImages").write is not native.write
    assert read({"instances": [PICTURE], "format": "captum"}, explainer_type="LimeImages").write is native.write


def test_a_format_that_is_none_is_refused(read):
    for name in ("aixs", []):
        with pytest.raises(BadInput, match=r"format: .* is not known"):
            read({"instances": [PICTURE], "format": name})


def test_aixs_keys_are_limes_parameters(read):
    keys = {"top_labels": 2, "num_samples": 100, "segmentation_alg": "slic", "seed": 3}
    expected = {**AIX, "top_k": 2, "n_samples": 100, "segmentation": "slic", "seed": 3}
    assert read({"instances": [PICTURE], **keys}).request.parameters == expected
    texts = {key: str(value) for key, value in keys.items()}
    assert read({"instances": [PICTURE], **texts}).request.parameters == expected


def test_what_the_request_leaves_open_is_the_flags(read):
    assert read({"instances": [PICTURE], "format": "aix"}).request.parameters == {
        **AIX,
        "top_k": 3,  # ten are more than the model has
        "n_samples": 1000,
        "segmentation": "quickshift",
    }
    flags = {"top_labels": 2, "num_samples": 50, "segmentation_algorithm": "felzenszwalb"}
    given = read({"instances": [PICTURE], "format": "aix"}, **flags).request.parameters
    assert given == {**AIX, "top_k": 2, "n_samples": 50, "segmentation": "felzenszwalb"}
    scores_only = Description("forest")
    assert read({"instances": [PICTURE], "format": "aix"}, of=scores_only).request.parameters["top_k"] == 10


def test_limes_own_parameters_are_taken_too(read):
    document = {"instances": [PICTURE], "top_labels": 1, "parameters": {"n_segments": 9, "seed": 4}}
    assert read(document).request.parameters["n_segments"] == 9
    assert read(document).request.parameters["seed"] == 4


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"top_labels": "many"}, "top_labels is 'many'; expected a whole number"),
        ({"top_labels": [1]}, "top_labels is [1]; expected a whole number"),
        ({"top_labels": 2.5}, "top_labels is 2.5; expected a whole number"),
        ({"top_labels": True}, "top_labels is True; expected a whole number"),
        ({"num_samples": None}, "num_samples is None; expected a whole number"),
        ({"num_samples": "1e3"}, "num_samples is '1e3'; expected a whole number"),
        ({"num_samples": "9" * 5000}, "num_samples is '" + "9" * 56 + "...; expected a whole number"),
        ({"min_weight": "heavy"}, "min_weight is 'heavy'; expected a number"),
        ({"min_weight": {}}, "min_weight is {}; expected a number"),
        ({"min_weight": "nan"}, "min_weight is 'nan'; expected a number"),
        ({"positive_only": 1}, "positive_only is 1; expected true or false"),
        ({"positive_only": "yes"}, "positive_only is 'yes'; expected true or false"),
        (
            {"segmentation_alg": "pixels"},
            "segmentation_alg is 'pixels'; expected one of slic, felzenszwalb, quickshift, grid",
        ),
        (
            {"parameters": {"segmentation": "pixels"}},
            "segmentation is 'pixels'; expected one of slic, felzenszwalb, quickshift, grid",
        ),
        ({"parameters": []}, 'parameters is not an object; expected LIME\'s parameters, as in {"alpha": 1}'),
        (
            {"parameters": {"target": 1}},
            "AIX's format is answered by LIME, for its top_labels; expected none of method, target, top_k in "
            'parameters, or "format": "captum"',
        ),
        (
            {"top_label": 1},
            "the request's key 'top_label' is not known; did you mean 'top_labels'? Known: instances, top_labels, "
            "segmentation_alg, positive_only, min_weight, num_samples, seed, parameters",
        ),
    ],
)
def test_what_is_not_of_its_kind_is_refused(keys, sentence, read):
    with pytest.raises(BadInput) as refusal:
        read({"instances": [PICTURE], "format": "aix", **keys})
    assert refusal.value.sentence == sentence


def grey(picture=PICTURE):
    """[6, 6] as AIX's client sends it: [6, 6, 3], three times the same."""
    return np.repeat(np.array(picture)[..., None], 3, axis=-1).tolist()


def test_a_grey_picture_goes_to_a_model_of_one_channel_as_one(read):
    request, _ = read({"instances": [grey()], "format": "aix"})
    np.testing.assert_array_equal(request.instances, np.array(PICTURE, dtype=np.float32)[None, None])


def test_colours_go_to_a_model_of_three_channels_first(read, description):
    coloured = dataclasses.replace(description, input_shape=(3, 6, 6))
    request, _ = read({"instances": [COLOURS], "format": "aix"}, of=coloured)
    np.testing.assert_array_equal(request.instances, np.moveaxis(np.array([COLOURS], dtype=np.float32), -1, 1))


def test_to_a_predictor_that_names_no_shape_a_picture_goes_as_it_was_sent(read):
    shifted = (np.array(COLOURS) - 0.5).tolist()
    request, _ = read({"instances": [shifted], "format": "aix"}, of=Description("forest", Access.SCORES))
    np.testing.assert_array_equal(request.instances, np.array([shifted], dtype=np.float32))


def test_what_does_not_fit_the_model_is_refused(read):
    for instance, sentence in (
        (COLOURS, r"instances\[0\] has colours; expected a grey picture: the model's input is \[1, 6, 6\]"),
        (grey(np.array(PICTURE) - 0.5), r"values of -0\.\d+ to 0\.\d+; expected 0 to 1, the model's declared range"),
        (grey(np.ones((5, 6)).tolist()), r"instances\[0\] has the shape \[5, 6, 3\]; expected \[1, 6, 6\]"),
    ):
        with pytest.raises(BadInput, match=sentence):
            read({"instances": [instance], "format": "aix"})


def test_one_instance_gives_a_dictionary_and_several_a_list(answered):
    keys = {"top_labels": 2, "num_samples": 40, "segmentation_alg": "grid", "min_weight": 0}
    one = answered({"instances": [grey()], **keys})
    assert list(one) == ["explanations"]
    assert list(one["explanations"]) == ["temp", "masks", "top_labels"]
    assert np.shape(one["explanations"]["masks"]) == (2, 6, 6)
    np.testing.assert_allclose(one["explanations"]["temp"], grey(), atol=1e-7)
    both = answered({"instances": [PICTURE, grey(np.zeros((6, 6)))], **keys})["explanations"]
    assert both[0] == one["explanations"]
    assert len(both) == 2


def test_top_labels_are_the_likeliest_first(answered, network):
    answer = answered({"instances": [PICTURE], "top_labels": "3", "num_samples": 10, "segmentation_alg": "grid"})
    scores = network(torch.tensor(PICTURE)[None, None])[0]
    assert answer["explanations"]["top_labels"] == scores.argsort(descending=True).tolist()


def test_a_pictures_bytes_are_answered_by_the_flags(answered):
    png = io.BytesIO()
    Image.fromarray(np.arange(0, 252, 7, dtype=np.uint8).reshape(6, 6)).save(png, "PNG")
    flags = {"explainer_type": "LimeImages", "top_labels": 1, "num_samples": 30, "segmentation_algorithm": "grid"}
    explanation = answered(png.getvalue(), **flags)["explanations"]
    assert np.shape(explanation["masks"]) == (1, 6, 6)
    np.testing.assert_allclose(
        np.array(explanation["temp"])[..., 1], np.arange(0, 252, 7).reshape(6, 6) / 255, atol=1e-7
    )
