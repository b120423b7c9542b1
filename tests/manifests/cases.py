"""All that is rendered by the tests: overlays, the base with each component and with all together, the chart."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import chain

from tests.manifests.rendering import CHART, MANIFESTS, Rendered, chart, composed, overlay

# With a dash, and with all words that the components' replacements cut names at.
NAME = "an-explainer-predictor-captum"

OVERLAYS = sorted(folder.name for folder in (MANIFESTS / "overlays").iterdir())
ALL_COMPONENTS = sorted(folder.name for folder in (MANIFESTS / "components").iterdir())
MODELS = [component for component in ALL_COMPONENTS if component.startswith("model-")]
# A component that patches what another one adds, which comes before it.
NEEDS = {"scraper": "network-policy"}
# A component that patches what another one adds, where that is there too.
AFTER = {"grpc": "network-policy", "model-uri": "network-policy", **NEEDS}


def in_order(components: list[str]) -> tuple[str, ...]:
    """The components in this order, each behind what it patches, and with what it needs."""
    wanted = {*components, *(NEEDS[one] for one in components if one in NEEDS)}
    ordered: list[str] = []
    for component in components:
        ordered += [one for one in (AFTER.get(component), component) if one in wanted and one not in ordered]
    return tuple(ordered)


def _together(model: str) -> list[str]:
    """All components that go together, with one of the models."""
    return [component for component in ALL_COMPONENTS if component not in MODELS or component == model]


# Of each model: in this order and in the reverse.
BOTH_ORDERS = [(in_order(_together(model)), in_order(_together(model)[::-1])) for model in MODELS]
COMPOSITIONS = [(), *(in_order([component]) for component in ALL_COMPONENTS), *chain.from_iterable(BOTH_ORDERS)]


# The chart's values that add what a component does.
VALUES: dict[str, dict[str, object]] = {
    "api-key": {"apiKey.enabled": True},
    "autoscaling": {"explainer.maxReplicas": 4, "explainer.resources.requests.cpu": "500m"},
    "gpu": {
        "predictor.args": ["--device=cuda"],
        "predictor.resources.requests": {"nvidia.com/gpu": 1},
        "predictor.resources.limits": {"nvidia.com/gpu": 1},
        "predictor.nodeSelector": {"nvidia.com/gpu.present": "true"},
        "predictor.tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "predictor.runtimeClassName": "nvidia",
    },
    "grpc": {"predictor.grpc": True},
    "limits": {"limits.enabled": True},
    "model-baked-in": {"model.bakedIn": f"0.1.0-{NAME}"},
    "model-pvc": {"model.pvc": f"models/{NAME}"},
    "model-uri": {"model.uri": "https://models.example.com/model.tar.gz"},
    "network-policy": {"networkPolicy.enabled": True},
    "pod-disruption-budget": {"podDisruptionBudget.enabled": True},
    "pod-monitor": {"podMonitor.enabled": True},
    "route": {"route.enabled": True},
    "scraper": {"networkPolicy.scraperNamespace": "monitoring"},
    "timeout": {"timeout": 300},
}


def chart_with(components: tuple[str, ...]) -> Rendered:
    """The chart by the values of these components."""
    values: dict[str, object] = {"route.enabled": False}
    for component in components:
        values |= VALUES[component]
    sets = (("--set-json", f"{key}={json.dumps(value)}") for key, value in values.items())
    return chart(*chain.from_iterable(sets), name=NAME)


def _chart(name: str, namespace: str, values: str, *arguments: str) -> Rendered:
    return chart(*_values(values), *arguments, name=name, namespace=namespace)


def _values(file: str) -> tuple[str, str]:
    return ("--values", str(CHART / "ci" / file))


# The values that render what an overlay does.
CHARTS: dict[str, Callable[[], Rendered]] = {
    "kind-mnist": partial(_chart, "mnist", "default", "kind-mnist.yaml"),
    "kind-fashion-mnist": partial(_chart, "fashion-mnist", "default", "kind-fashion-mnist.yaml"),
    "production": partial(_chart, "fashion-mnist", "models", "production.yaml"),
    "production-gpu": partial(_chart, "fashion-mnist", "models", "production.yaml", *_values("production-gpu.yaml")),
}

CASES: dict[str, Callable[[], Rendered]] = {
    **{f"overlay {name}": partial(overlay, name) for name in OVERLAYS},
    **{" + ".join(("base", *components)): partial(composed, NAME, components) for components in COMPOSITIONS},
    **{f"chart {name}": render for name, render in CHARTS.items()},
    "chart with another timeout": partial(_chart, NAME, "models", "production.yaml", "--set", "timeout=17"),
    "chart with two ports": partial(_chart, NAME, "default", "kind-mnist.yaml", "--set", "predictor.grpc=true"),
}
