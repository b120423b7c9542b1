"""Both servers know the same kinds of stages."""

from __future__ import annotations

from captum_explainer.skeleton.cuts import AFFINE, NONLINEARITIES
from captum_predictor.graph.stages import _KINDS


def test_every_kind_that_the_predictor_names_is_linear_or_not_for_the_explainer() -> None:
    named = {kind for kind, _ in _KINDS.values()}
    assert named == {*NONLINEARITIES, *AFFINE}
    assert not set(NONLINEARITIES) & set(AFFINE)
