"""Predictors that are not ours and give scores alone: the random forest of examples/, and a V2 server in both ways."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import captum.attr
import numpy as np
import pytest
import requests
import torch
from captum._utils.models.linear_model import SkLearnLasso
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.predictor_client.description import Access
from skimage.segmentation import quickshift
from torch import Tensor

from local.servers import Pair
from tests.support.explaining import Answer, ask
from tests.support.forest import FOREST, explained, imported
from tests.support.v2_predictor import NAME, probabilities

pytestmark = pytest.mark.usefixtures("one_thread")

POSSIBLE = sorted(name for name, method in catalogue().items() if method.access == Access.SCORES)
Scores = Callable[[Tensor], Tensor]


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with explained(FOREST, "rfserver", tmp_path_factory.mktemp("forest"), ["--model_name", FOREST]) as pair:
        yield pair


@pytest.fixture(scope="module", params=["json", "binary"])
def v2(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    flags = ["--binary"] if request.param == "binary" else []
    folder = tmp_path_factory.mktemp(request.param)
    with explained(NAME, "tests.support.v2_predictor", folder, flags, "--predictor_protocol", "v2") as pair:
        yield pair


@pytest.fixture(scope="module")
def example() -> Iterator[Any]:
    """The example's package, imported into this process."""
    with imported() as modules:
        yield modules


@pytest.fixture(scope="module")
def digits(example: Any) -> Tensor:
    """Two digits, float32 [2, 28, 28, 3] in -0.5..0.5, each colour a little darker than the one before."""
    pictures, _ = example[0].training_digits(None)
    return torch.from_numpy(pictures[:2, ..., None] * np.array([1.0, 0.9, 0.8], dtype=np.float32))


@pytest.fixture(scope="module")
def forest_scores(example: Any) -> Scores:
    """The same forest, trained again in this process."""
    twin = example[1].ForestModel(FOREST, None)
    twin.load()
    return lambda rows: torch.from_numpy(twin.forest.predict_proba(example[1].flattened(rows.numpy()))).float()


def in_process(scores: Scores, inputs: Tensor, answer: Answer) -> np.ndarray:
    """What Captum says of `scores` itself, for each instance's predicted class: float32 [instances, ...]."""
    if answer.parameters["method"] == "feature_permutation":
        return _permuted(scores, inputs, answer.parameters).numpy()
    return torch.cat([_one(scores, inputs[i : i + 1], answer.parameters) for i in range(len(inputs))]).numpy()


def _permuted(scores: Scores, inputs: Tensor, parameters: dict[str, Any]) -> Tensor:
    torch.manual_seed(parameters["seed"])
    return captum.attr.FeaturePermutation(scores).attribute(
        inputs,
        target=scores(inputs).argmax(dim=1).tolist(),
        feature_mask=feature_mask(inputs[:1], parameters),
        perturbations_per_eval=parameters["perturbations_per_eval"],
    )


def _one(scores: Scores, instance: Tensor, parameters: dict[str, Any]) -> Tensor:
    torch.manual_seed(parameters["seed"])
    np.random.seed(parameters["seed"])
    method = parameters["method"]
    arguments = {
        "target": int(scores(instance).argmax()),
        "baselines": parameters["baselines"],
        "perturbations_per_eval": parameters["perturbations_per_eval"],
    }
    if method == "occlusion":
        windows = {name: tuple(parameters[name]) for name in ("sliding_window_shapes", "strides")}
        return captum.attr.Occlusion(scores).attribute(instance, **windows, **arguments)
    arguments["feature_mask"] = feature_mask(instance, parameters)
    if method == "feature_ablation":
        return captum.attr.FeatureAblation(scores).attribute(instance, **arguments)
    if method == "shapley_values":
        return captum.attr.ShapleyValues(scores).attribute(instance, **arguments)
    arguments["n_samples"] = parameters["n_samples"]
    if method == "shapley_value_sampling":
        return captum.attr.ShapleyValueSampling(scores).attribute(instance, **arguments)
    if method == "kernel_shap":
        return captum.attr.KernelShap(scores).attribute(instance, **arguments)
    lime = captum.attr.Lime(scores, interpretable_model=SkLearnLasso(alpha=parameters["alpha"]))
    return lime.attribute(instance, **arguments)


def feature_mask(instance: Tensor, parameters: dict[str, Any]) -> Tensor:
    """Superpixels, or single values, of a grey instance [1, height, width] or a coloured one [1, height, width, 3]."""
    if parameters["segmentation"] == "pixels":
        return torch.arange(instance.numel()).reshape(instance.shape)
    if parameters["segmentation"] == "grid":
        side = round((instance.shape[1] * instance.shape[2] / parameters["n_segments"]) ** 0.5)
        rows, columns = np.arange(instance.shape[1]) // side, np.arange(instance.shape[2]) // side
        grid = torch.from_numpy(rows[:, None] * (columns[-1] + 1) + columns)[None]
        return grid if instance.ndim == 3 else grid[..., None].expand(instance.shape).contiguous()
    picture = instance[0].numpy().astype(np.float64)
    unit = (picture - picture.min()) / (picture.max() - picture.min())
    colours = unit if unit.ndim == 3 else np.stack([unit] * 3, axis=-1)
    reach = (colours.shape[0] * colours.shape[1] / parameters["n_segments"]) ** 0.5
    plane = quickshift(colours, ratio=0.5, kernel_size=1, max_dist=reach, rng=0)
    labels = torch.from_numpy(np.unique(plane, return_inverse=True)[1].reshape(1, *plane.shape))
    return labels if unit.ndim == 2 else labels[..., None].expand(instance.shape).contiguous()


def calls(pair: Pair) -> float:
    """How many calls to the predictor the explainer counts."""
    lines = requests.get(f"{pair.explainer.url}/metrics", timeout=10).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("captum_explainer_predictor_calls_total"))


def test_the_catalogue_lists_what_needs_scores_alone(forest: Pair):
    document = requests.get(f"{forest.explainer.url}/v1/models/{FOREST}/methods", timeout=30).json()
    assert document["access"] == "scores"
    assert [method["name"] for method in document["methods"]] == POSSIBLE
    assert [
        *("feature_ablation", "feature_permutation", "kernel_shap", "lime"),
        *("occlusion", "shapley_value_sampling", "shapley_values"),
    ] == POSSIBLE
    assert {tuple(method["parameters"]["output"]["enum"]) for method in document["methods"]} == {("probability",)}


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("colour", {}),
        ("grey", {"method": "kernel_shap", "n_samples": 120, "baselines": -0.5, "seed": 3}),
        ("grey", {"method": "lime"}),
        ("colour", {"method": "lime", "n_samples": 60, "alpha": 0.001, "perturbations_per_eval": 7}),
        ("grey", {"method": "occlusion"}),
        ("colour", {"method": "occlusion", "sliding_window_shapes": 7, "strides": 7, "baselines": -0.5}),
        ("colour", {"method": "feature_ablation", "segmentation": "quickshift"}),
        ("grey", {"method": "feature_ablation"}),
        ("colour", {"method": "feature_permutation", "seed": 2}),
        ("grey", {"method": "shapley_value_sampling", "n_samples": 5}),
        ("colour", {"method": "shapley_values"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())) or "default",
)
def test_methods_have_the_bits_of_captum_on_the_same_forest(
    kind: str, parameters: dict[str, Any], forest: Pair, digits: Tensor, forest_scores: Scores
):
    inputs = digits if kind == "colour" else digits[..., 0].contiguous()
    answer = ask(forest, inputs, **parameters)
    assert answer.parameters["method"] == parameters.get("method", "kernel_shap")
    assert answer.values.shape == inputs.shape
    assert np.abs(answer.values).max() > 0.01
    np.testing.assert_array_equal(answer.values, in_process(forest_scores, inputs, answer))


def test_details_are_the_forest_s_own_probabilities(forest: Pair, digits: Tensor, forest_scores: Scores):
    answer = ask(forest, digits, method="occlusion", baselines=-0.5)
    scores = forest_scores(digits)
    for detail, row in zip(answer.details, scores, strict=True):
        assert detail["prediction"] == detail["target"] == int(row.argmax())
        assert detail["prediction_label"] == str(int(row.argmax()))
        assert detail["probability"] == detail["score"] == float(row.max())
        assert detail["baseline_score"] == float(forest_scores(torch.full_like(digits[:1], -0.5))[0, row.argmax()])


def test_no_digest_is_made_up(forest: Pair, digits: Tensor):
    assert ask(forest, digits[:1], n_samples=20).document["model"] == {"name": FOREST, "digest": None}


@pytest.mark.parametrize("method", sorted(set(catalogue()) - set(POSSIBLE)))
def test_methods_that_need_more_say_so_and_name_those_that_work(method: str, forest: Pair, digits: Tensor):
    answer = ask(forest, digits[:1], method=method)
    needed = "gradients" if catalogue()[method].access == Access.GRADIENTS else "the model's structure"
    assert answer.status == 400
    assert answer.error.startswith(f"{method} needs {needed}")
    assert answer.error.endswith(f"the predictor gives scores; possible: {', '.join(POSSIBLE)}")


def test_logits_are_refused(forest: Pair, digits: Tensor):
    answer = ask(forest, digits[:1], output="logit")
    assert answer.status == 400
    assert answer.error == "output is 'logit'; expected one of 'probability'"


def test_a_target_that_the_forest_does_not_have_is_refused(forest: Pair, digits: Tensor):
    answer = ask(forest, digits[:1], target=10)
    assert (answer.status, answer.error) == (400, "target is 10; expected an index of 0 to 9")


def test_what_the_forest_refuses_is_told_in_its_own_words(forest: Pair):
    answer = ask(forest, torch.zeros(1, 14, 56), method="occlusion")
    assert (answer.status, answer.error) == (400, "instances have the shape [14, 56]; expected (28, 28) or (28, 28, 3)")


@pytest.mark.parametrize("method", ["kernel_shap", "lime"])
def test_a_thousand_samples_take_few_calls(method: str, forest: Pair, digits: Tensor):
    before = calls(forest)
    assert ask(forest, digits[:1, ..., 0], method=method, n_samples=1000).status == 200
    # One for the prediction, and 200 rows in each of the others.
    assert calls(forest) - before <= 1 + 1000 / 200


def test_predictions_are_passed_on(forest: Pair, digits: Tensor, forest_scores: Scores):
    url = f"{forest.explainer.url}/v1/models/{FOREST}:predict"
    predictions = requests.post(url, json={"instances": digits.tolist()}, timeout=30).json()["predictions"]
    np.testing.assert_array_equal(np.array(predictions, dtype=np.float32), forest_scores(digits).numpy())


def test_the_forest_reads_mnist_where_it_is_at_hand(example: Any, tmp_path: Path):
    assert example[0].training_digits(tmp_path)[0].shape == (1797, 28, 28)
    pixels = np.arange(2 * 28 * 28).reshape(2, 28, 28).astype(np.uint8)
    (tmp_path / "mnist").mkdir()
    for name, header, data in (("images-idx3", 16, pixels.tobytes()), ("labels-idx1", 8, bytes([7, 2]))):
        (tmp_path / "mnist" / f"train-{name}-ubyte.gz").write_bytes(gzip.compress(bytes(header) + data))
    pictures, classes = example[0].training_digits(tmp_path)
    np.testing.assert_allclose(pictures, pixels / 255 - 0.5, atol=1e-7)
    assert classes.tolist() == [7, 2]


@pytest.mark.parametrize("method", POSSIBLE)
def test_v2_gives_the_bits_of_captum_too(method: str, v2: Pair):
    inputs = torch.rand(2, 12, 16, generator=torch.Generator().manual_seed(0))
    few = {"n_samples": 60} if "n_samples" in catalogue()[method].takes.parameters else {}
    answer = ask(v2, inputs, method=method, **few)
    assert answer.document["model"] == {"name": NAME, "digest": None}

    def scores(rows: Tensor) -> Tensor:
        return torch.from_numpy(probabilities(rows.numpy())).float()

    assert np.abs(answer.values).max() > 0.001
    np.testing.assert_array_equal(answer.values, in_process(scores, inputs, answer))
