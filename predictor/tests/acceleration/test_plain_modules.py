"""A module may be computed in another way where it computes what its class says."""

import pytest
from captum_predictor.acceleration.plain_modules import is_plain
from torch import nn


class Own(nn.Linear):
    """Somebody's, which may compute something else."""


def test_a_module_is_plain_by_its_very_class():
    assert is_plain(nn.Linear(2, 2), nn.Linear)
    assert not is_plain(Own(2, 2), nn.Linear)
    assert is_plain(Own(2, 2), Own)
    assert not is_plain(nn.Conv2d(1, 1, 1), nn.Linear)


@pytest.mark.parametrize(
    "change",
    [
        lambda module: module.register_forward_pre_hook(lambda module, inputs: None),
        lambda module: module.register_forward_hook(lambda module, inputs, output: output + 1),
        lambda module: module.register_full_backward_pre_hook(lambda module, gradients: None),
        lambda module: module.register_full_backward_hook(lambda module, gradients, outputs: None),
        lambda module: setattr(module, "forward", lambda rows: rows),
        nn.utils.weight_norm,
    ],
    ids=["before", "behind", "before backward", "behind backward", "a forward of its own", "weight_norm"],
)
@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
def test_what_was_changed_afterwards_is_not_plain(change):
    module = nn.Linear(2, 2)
    change(module)
    assert not is_plain(module, nn.Linear)
