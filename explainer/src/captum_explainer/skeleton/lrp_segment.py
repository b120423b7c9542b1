"""A remote segment for one linear stage, through which layer-wise relevance propagation passes by a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from captum_explainer.skeleton.remote_segment import RemoteSegment

if TYPE_CHECKING:
    from captum.attr._utils.lrp_rules import EpsilonRule


class LrpSegment(RemoteSegment):
    """A segment with Captum's epsilon rule, which a convolution has in process; flatten has none there.

    Rules that change weights are not offered: the weights stay in the predictor.
    """

    _rule: EpsilonRule | None = None

    @property
    def rule(self) -> EpsilonRule:
        """The rule; Captum looks for this attribute."""
        if self._rule is None:
            # Imported here: a notebook that takes the skeleton need not have Captum.
            from captum.attr._utils.lrp_rules import EpsilonRule

            self._rule = EpsilonRule()
        return self._rule

    @rule.deleter
    def rule(self) -> None:
        # Captum deletes rules after each call; the noise tunnel makes several.
        self._rule = None
