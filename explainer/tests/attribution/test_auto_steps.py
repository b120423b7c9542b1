import dataclasses

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, LayerConductance, LayerIntegratedGradients
from captum_explainer.attribution.explain import explain
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.formats import native
from captum_explainer.formats.request import Request
from captum_explainer.parameters.path import numbers_of_steps
from captum_serving.errors import BadInput

# Under which some of the pictures need more steps than others.
TOLERANCE = 0.02
ALL = slice(None)
GENERATOR = torch.Generator().manual_seed(5)
PICTURES = torch.rand(6, 1, 6, 6, generator=GENERATOR) * torch.arange(1, 7).view(6, 1, 1, 1)
BASELINES = PICTURES.flip(0).flip(2)

# Captum's own for each of the methods that have a delta to go by.
PLAIN = {
    "integrated_gradients": IntegratedGradients,
    "layer_conductance": lambda network: LayerConductance(network, network.conv),
    "layer_integrated_gradients": lambda network: LayerIntegratedGradients(network, network.conv),
}


@pytest.fixture
def asked(description, counted, settings):
    """Explains some of the pictures with as many steps as it takes; `limits` are the server's."""

    def run(some=ALL, limits=None, **parameters):
        given = {"n_steps": "auto", "tolerance": TOLERANCE, "baselines": BASELINES[some].tolist(), **parameters}
        limited = dataclasses.replace(settings, **(limits or {}))
        return explain(Request(PICTURES[some], given, native.write), description, counted, limited)

    return run


def plain(network, i, details, n_steps, quadrature="gausslegendre"):
    """Captum's attributions of one picture in process, and the share of the scores' difference that they miss."""
    image, baseline, target = PICTURES[i : i + 1], BASELINES[i : i + 1], details["target"]
    made = PLAIN[details["method"]](network)
    values = made.attribute(image, baseline, target=target, n_steps=n_steps, method=quadrature).detach()
    difference = float(network(image)[0, target] - network(baseline)[0, target])
    return values[0].numpy(), abs(float(values.double().sum()) - difference) / abs(difference)


def check(network, i, explanation, details, **quadrature):
    """It is Captum's of the number of steps that it tells, and no number that comes before would have been enough."""
    values, share = plain(network, i, details, details["n_steps"], **quadrature)
    np.testing.assert_allclose(explanation, values, rtol=1e-5, atol=1e-6)
    assert details["converged"] == (share <= TOLERANCE)
    assert details["converged"] or details["n_steps"] == 1000
    numbers = numbers_of_steps(1000)
    for fewer in numbers[: numbers.index(details["n_steps"])]:
        assert plain(network, i, details, fewer, **quadrature)[1] > TOLERANCE


@pytest.mark.parametrize("method", PLAIN)
def test_each_instance_has_the_fewest_steps_that_are_within_tolerance(method, asked, network):
    layer = {} if method == "integrated_gradients" else {"layer": "conv"}
    answer = asked(method=method, **layer)
    for i, details in enumerate(answer.details):
        check(network, i, answer.values[i], details)
    assert len({details["n_steps"] for details in answer.details}) > 2


@pytest.mark.parametrize("quadrature", ["riemann_middle", "riemann_trapezoid"])
def test_the_quadrature_is_the_requests(quadrature, asked, network):
    answer = asked(quadrature=quadrature)
    for i, details in enumerate(answer.details):
        check(network, i, answer.values[i], details, quadrature=quadrature)


def test_each_of_the_k_targets_has_its_own_number(asked, network):
    answer = asked(top_k=3)
    for i, ranked in enumerate(answer.details):
        assert [details["target"] for details in ranked] == network(PICTURES)[i].argsort(descending=True).tolist()
        for k, details in enumerate(ranked):
            check(network, i, answer.values[i][k], details)
    assert any(len({details["n_steps"] for details in ranked}) > 1 for ranked in answer.details)


def test_the_answers_parameters_give_the_same_bits(asked):
    first = asked()
    assert first.parameters["n_steps"] == "auto"
    again = asked(**first.parameters)
    assert [one.tobytes() for one in again.values] == [one.tobytes() for one in first.values]
    assert (again.details, again.parameters) == (first.details, first.parameters)


def test_at_the_servers_limit_the_answer_says_that_it_is_not_within_tolerance(asked, network):
    answer = asked(limits={"max_steps": 20}, tolerance=0.0)
    for i, details in enumerate(answer.details):
        assert (details["n_steps"], details["converged"]) == (20, False)
        np.testing.assert_allclose(answer.values[i], plain(network, i, details, 20)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("most", "numbers"), [(1, [1]), (12, [12]), (13, [12, 13]), (24, [12, 24]), (100, [12, 24, 48, 96, 100])]
)
def test_the_numbers_double_up_to_the_servers_limit(most, numbers):
    assert numbers_of_steps(most) == numbers


def test_an_input_that_is_its_baseline_takes_the_first_number(asked):
    assert asked(slice(1), baselines=PICTURES[:1].tolist()).details[0]["n_steps"] == 12


def test_only_what_is_left_is_asked_for_again(asked, counted):
    used = [details["n_steps"] for details in asked().details]
    tried = [number for number in numbers_of_steps(1000) if number <= max(used)]
    scored = len(PICTURES) + len(BASELINES)
    assert counted.rows == [scored, *(number * sum(one >= number for one in used) for number in tried)]


def test_many_rows_are_divided_into_passes(asked, counted):
    whole = asked()
    counted.rows.clear()
    # A picture is 144 bytes: twenty of them a call.
    parts = asked(limits={"max_call_bytes": 20 * 144})
    assert max(counted.rows[1:]) <= 20
    np.testing.assert_allclose(parts.values, whole.values, rtol=1e-4, atol=1e-6)
    assert [one["n_steps"] for one in parts.details] == [one["n_steps"] for one in whole.details]
    assert parts.parameters["internal_batch_size"] is None


def test_the_metrics_are_of_the_steps_that_were_used(asked):
    metrics = {"metrics": ["infidelity", "sensitivity"], "n_perturb_samples": 3}
    for i, details in enumerate(asked(**metrics).details):
        alone = asked(slice(i, i + 1), **{**metrics, "n_steps": details["n_steps"]}).details[0]
        for name in metrics["metrics"]:
            assert details[name] == pytest.approx(alone[name], rel=1e-4)


def test_of_noise_there_is_no_delta_to_go_by(asked):
    with pytest.raises(BadInput) as refusal:
        asked(smooth={"nt_samples": 2})
    assert refusal.value.sentence == (
        "n_steps is 'auto', and of smooth there is no convergence delta; expected a number of steps"
    )


@pytest.mark.parametrize(
    ("given", "n_steps"),
    [({}, "auto"), ({"smooth": {"nt_samples": 2}}, 50), ({"method": "internal_influence", "layer": "conv"}, 50)],
)
def test_as_the_servers_default_it_gives_way_where_there_is_no_delta(given, n_steps, description, segments, settings):
    default = dataclasses.replace(settings, defaults={"n_steps": "auto"})
    answer = explain(Request(PICTURES, given, native.write), description, segments, default)
    assert answer.parameters["n_steps"] == n_steps


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("Auto", "n_steps is 'Auto'; expected a whole number of 1 to 1000 or 'auto'"),
        (0, "n_steps is 0; expected a whole number of 1 to 1000 or 'auto'"),
        (12.0, "n_steps is 12.0; expected a whole number of 1 to 1000 or 'auto'"),
        (None, "n_steps is None; expected a whole number of 1 to 1000 or 'auto'"),
        (1001, "n_steps is 1001; expected a whole number of 1 to 1000 or 'auto' (the server's limit, --max_steps)"),
    ],
)
def test_what_is_no_number_of_steps_is_refused(value, sentence, asked):
    with pytest.raises(BadInput) as refusal:
        asked(n_steps=value)
    assert refusal.value.sentence == sentence


WITHOUT_DELTA = [name for name, method in catalogue().items() if "n_steps" in method.parameters and not method.complete]


def test_the_path_methods_without_a_delta_are_known():
    assert WITHOUT_DELTA == ["internal_influence", "neuron_conductance", "neuron_integrated_gradients"]


@pytest.mark.parametrize("name", WITHOUT_DELTA)
def test_a_method_without_a_delta_wants_a_number(name, description, segments, settings):
    neuron = {"neuron": [0, 0, 0]} if name.startswith("neuron") else {}
    given = {"method": name, "n_steps": "auto", "layer": "conv", **neuron}
    with pytest.raises(BadInput) as refusal:
        explain(Request(PICTURES, given, native.write), description, segments, settings)
    assert refusal.value.sentence == "n_steps is 'auto'; expected a whole number of 1 to 1000"
