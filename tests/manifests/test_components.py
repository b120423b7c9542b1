"""What each component adds, alone and among all that go together, in both orders."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.manifests.cases import ALL_COMPONENTS, BOTH_ORDERS, COMPOSITIONS, MODELS, NAME
from tests.manifests.rendering import Rendered, composed

KINDS = {
    "api-key": {"SecurityPolicy": 1},
    "pod-monitor": {"PodMonitor": 1},
    "limits": {"BackendTrafficPolicy": 1},
    "network-policy": {"NetworkPolicy": 2},
    "pod-disruption-budget": {"PodDisruptionBudget": 2},
    "route": {"HTTPRoute": 1},
}


def has(component: str, rendered: Rendered) -> bool:
    predictor, explainer = (rendered.component(one) for one in ("predictor", "explainer"))
    container = rendered.container("predictor")
    match component:
        case "autoscaling":
            scale = [explainer.get(key) for key in ("minReplicas", "maxReplicas", "scaleMetric", "scaleTarget")]
            return scale == [1, 4, "cpu", 80]
        case "gpu":
            return container["resources"]["limits"].get("nvidia.com/gpu") == 1
        case "grpc":
            return len(container["ports"]) == 2
        case "model-baked-in":
            return container["image"] == f"kserve-captum/predictor:0.1.0-{NAME}"
        case "model-pvc":
            return container.get("env") == [{"name": "STORAGE_URI", "value": f"pvc://models/{NAME}"}]
        case "model-uri":
            address = "https://models.example.com/model.tar.gz"
            return container.get("env") == [{"name": "STORAGE_URI", "value": address}]
        case "scraper":
            rules = [rule for policy in rendered.all("NetworkPolicy") for rule in policy["spec"].get("ingress", [])]
            return len([rule for rule in rules if "monitoring" in str(rule)]) == 2
        case "timeout":
            return predictor["timeout"] == 300
    return Counter(one["kind"] for one in rendered.objects).items() >= KINDS[component].items()


@pytest.mark.parametrize("components", COMPOSITIONS, ids=" + ".join)
def test_a_composition_has_what_its_components_add_and_nothing_else(components: tuple[str, ...]):
    rendered = composed(NAME, components)
    assert [component for component in ALL_COMPONENTS if has(component, rendered)] == sorted(components)
    added = [Counter(KINDS.get(component, {})) for component in components]
    assert Counter(one["kind"] for one in rendered.objects) == sum(added, Counter(InferenceService=1))


@pytest.mark.parametrize(("order", "reverse"), BOTH_ORDERS, ids=MODELS)
def test_the_order_of_components_makes_no_difference(order: tuple[str, ...], reverse: tuple[str, ...]):
    assert composed(NAME, order) == composed(NAME, reverse)
