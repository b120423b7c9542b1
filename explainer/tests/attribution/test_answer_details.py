import dataclasses

import pytest
import torch
from captum_explainer.attribution.explain import explain
from captum_explainer.attribution.plan import Scores
from captum_explainer.catalogue.method import Attribution
from captum_explainer.kinds.tensor.kind import TensorRequest
from captum_explainer.predictor_client.description import Access

OUTPUT = torch.tensor([[0.0, 3.0, 1.0], [2.0, 0.0, 0.0]])
AT_BASELINES = [torch.tensor([[0.5, 0.5, 0.0]]), torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])]


@pytest.fixture
def details(description, settings, local_predictor, images):
    """The details of one instance, where the model's scores and Captum's attributions are these."""

    def run(given, values, output=OUTPUT, model=description, instance=0, target=1, extra=None, at_baselines=None):
        given = given if given.get("method") == "neuron_gradient" else {**given, "target": target}
        instances = images[: len(output)]
        (plan,) = TensorRequest(instances, given).plan(model, local_predictor, settings.limits, settings.defaults)
        plan.score = lambda: Scores(output, at_baselines)
        plan.attribute = lambda outputs: [Attribution(torch.tensor([values]), extra)] * len(outputs)
        return explain([plan]).details[instance]

    return run


def test_a_prediction_has_its_label_and_probability(details):
    told = details({"method": "saliency"}, [0.0])
    assert told == {
        "method": "saliency",
        "prediction": 1,
        "prediction_label": "bee",
        "probability": pytest.approx(float(torch.softmax(OUTPUT[0], 0)[1])),
        "target": 1,
        "target_label": "bee",
        "score": 3.0,
        "baseline_score": None,
        "convergence_delta": None,
        "converged": None,
    }


def test_the_target_may_be_another_than_the_prediction(details):
    told = details({"method": "saliency"}, [0.0], target=2)
    assert (told["prediction"], told["target"], told["target_label"], told["score"]) == (1, 2, "7", 1.0)


@pytest.mark.parametrize(("total", "converged"), [(2.5, True), (2.6, True), (2.63, False), (2.4, True), (2.37, False)])
def test_a_delta_is_held_to_the_tolerance(total, converged, details):
    told = details({}, [1.0, total - 1.0], at_baselines=AT_BASELINES)
    assert told["baseline_score"] == 0.5
    assert told["convergence_delta"] == pytest.approx(total - 2.5, abs=1e-6)
    assert told["converged"] is converged


def test_of_several_baselines_the_mean_score_counts(details):
    told = details({"method": "gradient_shap"}, [1.5], instance=1, target=0, at_baselines=AT_BASELINES)
    assert (told["baseline_score"], told["convergence_delta"]) == (0.5, 0.0)


def test_a_method_that_is_not_complete_has_no_delta(details):
    told = details({"method": "occlusion"}, [1.0], at_baselines=AT_BASELINES)
    assert told["baseline_score"] == 0.5
    assert (told["convergence_delta"], told["converged"]) == (None, None)


def test_scores_are_of_what_is_explained(details):
    told = details({"output": "probability"}, [0.0], at_baselines=AT_BASELINES)
    assert told["score"] == told["probability"]
    assert told["baseline_score"] == pytest.approx(float(torch.softmax(AT_BASELINES[0][0], 0)[1]))


def test_one_output_is_a_sigmoids(details, description):
    one = dataclasses.replace(description, output_width=1, labels=())
    told = details({"method": "saliency"}, [0.0], torch.tensor([[2.0]]), one, target=0)
    assert (told["prediction"], told["prediction_label"]) == (0, "0")
    assert told["probability"] == pytest.approx(float(torch.sigmoid(torch.tensor(2.0))))


def test_of_scores_alone_the_output_is_the_probability(details, description):
    model = dataclasses.replace(description, access=Access.SCORES)
    told = details({"method": "occlusion"}, [0.0], torch.tensor([[0.1, 0.7, 0.2]]), model)
    assert told["probability"] == told["score"] == pytest.approx(0.7)


def test_a_neurons_explanation_has_no_target(details):
    told = details({"method": "neuron_gradient", "layer": "logits", "neuron": 0}, [0.0])
    assert set(told) == {"method", "prediction", "prediction_label", "probability"}


def test_with_a_noise_tunnel_nothing_adds_up(details):
    told = details({"smooth": {"nt_samples": 2}}, [2.5], at_baselines=AT_BASELINES)
    assert told["baseline_score"] == 0.5
    assert (told["convergence_delta"], told["converged"]) == (None, None)


def test_a_methods_own_details_are_added(details):
    assert details({"method": "lime"}, [0.0], extra={"r2": 0.5})["r2"] == 0.5
