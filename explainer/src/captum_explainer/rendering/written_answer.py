"""An answer as it is sent to the client."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.predictor_client.description import Description


@dataclass(frozen=True)
class WrittenAnswer:
    """A response's body, its media type, and the headers that go with it."""

    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


# Writes the explanations of a model's instances.
Write = Callable[[Explanations, Description], WrittenAnswer]
