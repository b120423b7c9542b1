"""One number: the explainer's own sentence comes before the gateway's plain text, and a pod outlives its answers."""

from __future__ import annotations

import re

from tests.manifests.rendering import COMPONENTS, Rendered, seconds


def deadline(rendered: Rendered) -> int:
    (found,) = re.findall(r"--deadline_seconds=(\d+)", " ".join(rendered.container("explainer")["args"]))
    return int(found)


def test_the_deadline_is_two_seconds_under_both_components_timeout(rendered: Rendered):
    for component in COMPONENTS:
        assert rendered.component(component)["timeout"] == deadline(rendered) + 2


def test_our_route_has_the_components_timeout(rendered: Rendered):
    for route in rendered.all("HTTPRoute"):
        for rule in route["spec"]["rules"]:
            assert seconds(rule["timeouts"]["request"]) == rendered.component("explainer")["timeout"]


def test_a_pods_grace_is_enough_for_an_explanation_that_has_just_begun(rendered: Rendered):
    for component in COMPONENTS:
        pre_stop = rendered.container(component)["lifecycle"]["preStop"]["sleep"]["seconds"]
        grace = rendered.component(component)["terminationGracePeriodSeconds"]
        assert grace >= pre_stop + deadline(rendered) + 5
