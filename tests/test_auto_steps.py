"""`"n_steps": "auto"` gives the bits of plain Captum at the number of steps that each answer tells."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients

from local.servers import ROOT, Pair
from tests.support.explaining import ask, examples
from tests.support.reference import load_network

pytestmark = pytest.mark.usefixtures("one_thread")


def test_each_instance_has_captums_bits_of_its_own_number(pair: Pair) -> None:
    inputs, module = examples(pair.name), load_network(ROOT / "models" / pair.name).module()
    answer = ask(pair, inputs, n_steps="auto", tolerance=0.01)
    used = np.array([details["n_steps"] for details in answer.details])
    target = np.array([details["target"] for details in answer.details])
    for n_steps in np.unique(used):
        # The instances of one Captum call have a sum in common, whose vectors decide the last bit of some.
        left = np.flatnonzero(used >= n_steps)
        expected = IntegratedGradients(module).attribute(
            inputs[left], target=target[left].tolist(), n_steps=int(n_steps)
        )
        done = used[left] == n_steps
        np.testing.assert_array_equal(answer.values[left[done]], expected[torch.from_numpy(done)].numpy(), strict=True)
    assert all(details["converged"] for details in answer.details)
    assert len(np.unique(used)) > 1


def test_the_answers_parameters_give_the_same_bytes(pair: Pair) -> None:
    first = ask(pair, examples(pair.name), n_steps="auto", tolerance=0.01)
    assert ask(pair, examples(pair.name), **first.parameters).body == first.body
