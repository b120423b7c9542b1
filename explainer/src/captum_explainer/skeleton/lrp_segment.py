"""A remote segment of one linear stage, through which layer-wise relevance propagation passes by a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from captum_explainer.skeleton.remote_segment import RemoteSegment

if TYPE_CHECKING:
    from captum.attr._utils.lrp_rules import EpsilonRule


class RuledSegment(RemoteSegment):
    """A segment that has Captum's epsilon rule, as a convolution has in process; flatten has none there.

    Rules that change weights cannot be: the weights are the predictor's.
    """

    _rule: EpsilonRule | None = None

    @property
    def rule(self) -> EpsilonRule:
        """The rule, of which Captum looks for this attribute."""
        if self._rule is None:
            # Here, since who takes the skeleton into a notebook need not have Captum.
            from captum.attr._utils.lrp_rules import EpsilonRule

            self._rule = EpsilonRule()
        return self._rule

    @rule.deleter
    def rule(self) -> None:
        # Captum deletes rules after each call, of which the noise tunnel makes several.
        self._rule = None
