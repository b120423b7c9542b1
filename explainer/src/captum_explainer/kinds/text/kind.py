"""Models that take texts: which methods they have, and a plan for each text of a request."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from captum_serving.errors import BadInput

from captum_explainer.attribution.plan import Plan
from captum_explainer.catalogue.catalogue import find_method
from captum_explainer.catalogue.method import Method
from captum_explainer.catalogue.resolve import Resolved, resolve
from captum_explainer.inputs.targets import split_target
from captum_explainer.kinds.text.methods import DEFAULT_METHOD, METHODS, leaves_words_out, list_text_parameters
from captum_explainer.kinds.text.plan import TextPlan
from captum_explainer.kinds.text.tokens import Tokens, tokenize
from captum_explainer.parameters.answer_size import check_answer
from captum_explainer.parameters.parameter import Parameter
from captum_explainer.parameters.row_limits import limit_passes
from captum_explainer.predictor_client.description import Description, TextTask
from captum_explainer.predictor_client.scores import ScoresSession
from captum_explainer.predictor_client.session import Session
from captum_explainer.predictor_client.texts import Text
from captum_explainer.settings import Limits


class TextKind:
    """The kind of a model that takes texts, or of a foreign model that is sent texts."""

    def __init__(self, description: Description, defaults: Mapping[str, Any]) -> None:
        self._description = description
        default = defaults.get("method")
        self.default_method = default if default in self.list_methods() else DEFAULT_METHOD[description.usable]

    def find_method(self, name: object) -> Method:
        """The method of that name. Raises `BadInput` if there is none, or this model's texts have no use for it."""
        method = find_method(name, METHODS, self._description)
        known = self.list_methods()
        if name not in known:
            raise BadInput(
                f"{name} leaves words out, and is of no use for {self._description.task}; possible: {', '.join(known)}"
            )
        return method

    def list_methods(self) -> dict[str, Method]:
        """The methods that this model's predictor makes possible."""
        # Without a word a text has other tokens, and a target's index means another token.
        words = self._description.task is TextTask.SEQUENCE
        return {
            name: method
            for name, method in METHODS.items()
            if method.access <= self._description.usable and (words or not leaves_words_out(method))
        }

    def list_parameters(self, method: Method) -> dict[str, Parameter]:
        """The parameters that the method takes for this model."""
        return list_text_parameters(method, self._description)


@dataclass(frozen=True)
class TextRequest:
    """Texts, and the parameters as they were given.

    `at_most_top_k`: `top_k` is the most that are explained, where the model has fewer outputs.
    """

    texts: list[Text]
    parameters: dict[str, Any]
    at_most_top_k: bool = False

    def plan(
        self, description: Description, session: Session | ScoresSession, limits: Limits, defaults: Mapping[str, Any]
    ) -> list[Plan]:
        """One plan for each text; the texts' tokens are asked for first.

        Raises:
            ServingError: The request is wrong, or the predictor fails.
            ModelChanged: The predictor's model is another one than the description's.
        """
        resolved = resolve(self.parameters, TextKind(description, defaults), limits, defaults)
        targets = split_target(resolved["target"], len(self.texts))
        self._check_answer(resolved["top_k"] or 1, description, limits)
        tokens: Sequence[Tokens | None] = [None] * len(self.texts)
        if isinstance(session, Session):
            tokens = tokenize(session, self.texts)
        self._limit_rows(resolved, tokens, description, limits)
        return [
            TextPlan(session, limits, resolved, text, row, target, self.at_most_top_k)
            for text, row, target in zip(self.texts, tokens, targets, strict=True)
        ]

    def _check_answer(self, targets: int, description: Description, limits: Limits) -> None:
        if description.output_width is not None:
            targets = min(targets, description.output_width)
        characters = sum(len(part) for text in self.texts for part in text.parts)
        # A word may be a single character; beside its importance stands where it is.
        numbers = 2 * math.ceil(characters / len(self.texts))
        change = "ask for fewer or shorter texts, or a smaller top_k"
        check_answer(len(self.texts) * targets, numbers, limits, change)

    def _limit_rows(
        self, resolved: Resolved, tokens: Sequence[Tokens | None], description: Description, limits: Limits
    ) -> None:
        """Choose how many rows a pass has, by the longest of the texts."""
        if leaves_words_out(resolved.method):
            # Some hundred copies of a very long text would be too much to hold.
            characters = max(1, *(sum(map(len, text.parts)) for text in self.texts))
            most = max(1, limits.max_call_bytes // characters)
            resolved.values["perturbations_per_eval"] = min(resolved["perturbations_per_eval"], most)
            return
        longest = max(row.ids.shape[1] for row in tokens if row is not None)
        (_, width) = description.find_shape(resolved["layer"])
        limit_passes(resolved.values, 1, (longest, width), (), limits)
