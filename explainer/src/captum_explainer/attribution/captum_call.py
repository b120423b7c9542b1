"""Runs Captum: random methods have an RNG of their own, and what Captum refuses is the caller's mistake."""

import traceback

from captum_serving.errors import BadInput

from captum_explainer.catalogue.method import Attribution, Problem
from captum_explainer.catalogue.resolve import Resolved
from captum_explainer.rng import draw_alone


def call_captum(chosen: Resolved, problem: Problem) -> Attribution:
    """Run a method on a problem.

    Raises:
        BadInput: Captum refuses its arguments.
    """
    try:
        if not chosen.method.passes.random and chosen.get("smooth") is None:
            return chosen.method.attribute(problem)
        with draw_alone(chosen["seed"]):
            return chosen.method.attribute(problem)
    except AssertionError as error:
        # Captum checks its arguments by `assert`: what the schemas let through and it refuses is the caller's mistake.
        if _comes_from_captum(error):
            raise BadInput(f"{chosen.name}: {error}") from error
        raise


def _comes_from_captum(error: AssertionError) -> bool:
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals["__name__"]).startswith("captum.")
