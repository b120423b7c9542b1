"""KServe's AIX explainer's InferenceService and its client's requests, beside the lime package that AIX was made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import requests
import torch
import yaml
from captum_explainer.inputs.superpixels import segment
from lime.lime_image import LimeImageExplainer

from local.servers import Pair
from tests.conftest import StartPair
from tests.support.explaining import examples
from tests.support.forest import EXAMPLE, FOREST, explained, imported

SPEC = yaml.safe_load((EXAMPLE / "aix-explainer.yaml").read_text())["spec"]
Scores = Callable[[np.ndarray], np.ndarray]
# AIX's own names of segmentations and its strings for numbers; the samples are few, which its defaults are not.
KEYS = {"top_labels": "10", "num_samples": "150", "segmentation_alg": "quickshift", "min_weight": "0.01"}


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The example's two containers: its predictor by its command, its explainer by AIX's own module and arguments."""
    [predictor], [explainer] = SPEC["predictor"]["containers"], SPEC["explainer"]["containers"]
    python, option, module, *flags = predictor["command"]
    assert (python, option) == ("python", "-m")
    # Of this machine's own are the predictor's address and the port, which come first.
    cluster, arguments = explainer["args"][:4], explainer["args"][4:]
    assert cluster[::2] == ["--predictor_host", "--http_port"]
    folder = tmp_path_factory.mktemp("aix")
    with explained(FOREST, module, folder, flags, *arguments, explainer="aixserver") as pair:
        yield pair


@pytest.fixture(scope="module")
def forest() -> Iterator[tuple[np.ndarray, Scores]]:
    """A digit as AIX's client sends it, [28, 28, 3] in -0.5..0.5, and the forest, trained again in this process."""
    with imported() as (digits, model):
        twin = model.ForestModel(FOREST, None)
        twin.load()
        picture = np.repeat(digits.training_digits(None)[0][3][..., None], 3, axis=-1)
        yield (
            picture.astype(np.float64),
            lambda rows: twin.forest.predict_proba(model.flattened(np.asarray(rows, dtype=np.float32))),
        )


def post(pair: Pair, *pictures: np.ndarray, **keys: Any) -> requests.Response:
    body = {"instances": [picture.tolist() for picture in pictures], **keys}
    return requests.post(pair.explain_url, json=body, timeout=60)


def explanation(answer: requests.Response) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """As AIX's client takes an answer apart."""
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["explanations"]
    found = answer.json()["explanations"]
    return np.array(found["temp"]), np.array(found["masks"]), found["top_labels"]


def of_lime(picture: np.ndarray, plane: np.ndarray, scores: Scores, seed: int, samples: int) -> Any:
    """What the lime package says, asked as KServe's AIX explainer asks it, of the same segments and draws."""
    return LimeImageExplainer(random_state=np.random.RandomState(seed)).explain_instance(
        picture,
        scores,
        top_labels=10,
        hide_color=0,
        num_samples=samples,
        segmentation_fn=lambda _: plane,
        random_seed=0,
    )


def test_the_examples_client_gets_what_it_draws(stand_in: Pair, forest: tuple[np.ndarray, Scores]):
    picture, scores = forest
    temp, masks, top_labels = explanation(post(stand_in, picture))
    np.testing.assert_array_equal(temp.astype(np.float32), picture.astype(np.float32))
    assert masks.shape == (10, 28, 28)
    assert set(np.unique(masks)) == {0, 1}
    assert masks[0].any()
    probabilities = scores(picture[None])[0]
    np.testing.assert_allclose(probabilities[top_labels], sorted(probabilities, reverse=True), atol=1e-6)
    assert sorted(top_labels) == list(range(10))


@pytest.mark.parametrize("positive_only", ["true", "false"])
def test_masks_and_picture_are_the_lime_packages(positive_only: str, stand_in: Pair, forest: tuple[np.ndarray, Scores]):
    picture, scores = forest
    temp, masks, top_labels = explanation(post(stand_in, picture, **KEYS, positive_only=positive_only, seed=4))
    plane = segment(torch.from_numpy(picture.astype(np.float32)), "quickshift", 30, None)[0, ..., 0].numpy()
    package = of_lime(picture, plane, scores, seed=4, samples=150)
    for label, mask in zip(top_labels, masks, strict=True):
        expected_temp, expected_mask = package.get_image_and_mask(
            label, positive_only=positive_only == "true", num_features=10, hide_rest=False, min_weight=0.01
        )
        np.testing.assert_array_equal(mask, expected_mask, err_msg=f"label {label}")
    np.testing.assert_allclose(temp, expected_temp, atol=1e-7)
    assert (masks == -1).any() == (positive_only == "false")


def test_a_seed_gives_the_same_bytes_and_another_one_others(stand_in: Pair, forest: tuple[np.ndarray, Scores]):
    picture, _ = forest
    first = post(stand_in, picture, seed=1)
    assert post(stand_in, picture, seed="1").content == first.content
    assert post(stand_in, picture, seed=2).content != first.content


def test_each_of_several_instances_is_answered_as_it_would_be_alone(stand_in: Pair, forest: tuple[np.ndarray, Scores]):
    picture, _ = forest
    other = picture[::-1]
    alone = [post(stand_in, one).json()["explanations"] for one in (picture, other)]
    assert post(stand_in, picture, other).json()["explanations"] == alone


def test_all_labels_share_the_samples(stand_in: Pair, forest: tuple[np.ndarray, Scores]):
    def rows() -> float:
        lines = requests.get(f"{stand_in.explainer.url}/metrics", timeout=10).text.splitlines()
        [line] = [line for line in lines if line.startswith("captum_explainer_predictor_rows_total{")]
        return float(line.split()[-1])

    post(stand_in, forest[0])
    before = rows()
    explanation(post(stand_in, forest[0], num_samples=1000))
    # The picture and the baseline beside the samples.
    assert rows() - before == 1000 + 2


def test_our_own_format_is_a_word_away(stand_in: Pair, forest: tuple[np.ndarray, Scores]):
    answer = post(stand_in, forest[0], format="captum", parameters={"method": "feature_ablation"})
    assert set(answer.json()) == {"explanations", "details", "parameters", "model"}


@pytest.fixture(scope="module")
def mnist(start_pair: StartPair) -> Pair:
    """Our own predictor, of one channel, with an explainer that nobody told of AIX."""
    return start_pair("mnist", 1)


def coloured(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=-1).astype(np.float64)


def test_to_our_own_predictor_a_grey_picture_goes_as_one_channel_as_each_sample_does(mnist: Pair):
    grey = examples("mnist")[2, 0].numpy()

    def scores(rows: np.ndarray) -> np.ndarray:
        instances = rows.mean(axis=-1).astype(np.float32).tolist()
        url = f"{mnist.predictor.url}/v1/models/mnist:predict"
        return np.array(requests.post(url, json={"instances": instances}, timeout=60).json()["predictions"])

    temp, masks, top_labels = explanation(post(mnist, coloured(grey), **KEYS))
    np.testing.assert_allclose(temp, coloured(grey), atol=1e-7)
    plane = segment(torch.from_numpy(grey), "quickshift", 30, (0.0, 1.0))[0].numpy()
    package = of_lime(coloured(grey), plane, scores, seed=0, samples=150)
    assert top_labels == [int(label) for label in package.top_labels]
    for label, mask in zip(top_labels, masks, strict=True):
        _, expected = package.get_image_and_mask(label, num_features=10, hide_rest=False, min_weight=0.01)
        np.testing.assert_array_equal(mask, expected, err_msg=f"label {label}")
    assert masks[0].any()


def test_pixels_outside_our_predictors_range_are_refused(mnist: Pair):
    answer = post(mnist, coloured(examples("mnist")[2, 0].numpy() - 0.5), **KEYS)
    assert answer.status_code == 400
    assert answer.json()["error"] == "instances hold values of -0.5 to 0.5; expected 0 to 1, the model's declared range"
