"""What comes with the scores is the network's own: Captum's calls are answered by it without another look."""

import dataclasses

import numpy as np
import pytest
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.kinds.tensor.kind import TensorRequest
from captum_explainer.predictor_client.exchange import Derivative, Exchange

FEW = {"n_steps": 6, "n_samples": 5}
CHANGES = [{}, {"target": 1}, {"target": [1, None]}, {"top_k": 2}]


@pytest.fixture
def kept(description, settings, local_predictor, images, monkeypatch):
    """What a method's first exchange brings into the book beside the scores."""

    def run(name, changed):
        method = catalogue()[name]
        given = {key: value for key, value in FEW.items() if key in method.takes.parameters}
        given |= changed if method.takes.target else {}
        if method.has_layer:
            given["layer"] = "relu"
        if method.family == "neuron":
            given["neuron"] = [1, 3, 3]
        model = dataclasses.replace(description, predicts=True, gives_values=True, integrates=True)
        request = TensorRequest(images, {"method": name, **given})
        (plan,) = request.plan(model, local_predictor, settings.limits, settings.defaults)
        found = []
        monkeypatch.setattr(plan.book, "keep", found.append)
        plan.score()
        assert len(local_predictor.exchanges) == 1
        return found

    return run


@pytest.mark.parametrize("changed", CHANGES, ids=str)
@pytest.mark.parametrize("name", list(catalogue()))
def test_what_is_kept_is_the_networks(name, changed, kept, stages, make_predictor):
    truth = make_predictor(stages).answer
    for known in kept(name, changed):
        rows = {"image": known.values["image"]}
        answer = truth(Exchange(rows, tuple(known.values)))
        for stage, value in answer.values.items():
            np.testing.assert_allclose(known.values[stage], value, rtol=1e-6, atol=1e-7, err_msg=stage)
        if known.gradients:
            derivative = Derivative(tuple(known.gradients), known.cotangents, path=known.path)
            for source, gradient in truth(Exchange(rows, (), derivative)).gradients.items():
                np.testing.assert_allclose(known.gradients[source], gradient, rtol=1e-6, atol=1e-7, err_msg=source)


BRINGS = {
    "saliency": [("logits", "image", False)],
    "integrated_gradients": [("logits", "image", True)],
    "guided_backprop": [("logits", "pool", False)],
    "layer_grad_cam": [("logits", "relu", False)],
    "internal_influence": [("logits", "relu", False)],
    "neuron_gradient": [("relu", "image", False)],
    "layer_activation": [],
    "occlusion": [],
    "gradient_shap": [],
    "deep_lift_shap": [],
}


@pytest.mark.parametrize("name", BRINGS)
def test_the_last_pieces_gradient_comes_too_where_the_first_pass_is_known(name, kept):
    assert [
        (sink, source, known.path is not None)
        for known in kept(name, {})
        for sink in known.cotangents
        for source in known.gradients
    ] == BRINGS[name]
