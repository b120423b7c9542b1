"""The plan for a request whose instances are tensors: Captum runs on a skeleton of the model."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from captum.attr import LayerAttribution
from captum_serving.errors import BadInput
from torch import Tensor

from captum_explainer.attribution.answer_details import Details, describe_class
from captum_explainer.attribution.captum_call import call_captum
from captum_explainer.attribution.expected_cotangents import expect_neuron, expect_targets
from captum_explainer.attribution.plan import Plan, Scores
from captum_explainer.attribution.quality_metrics import measure_quality
from captum_explainer.catalogue.method import Attribution, Problem
from captum_explainer.catalogue.resolve import Resolved, find_held_shape
from captum_explainer.inputs.image_axes import find_layout
from captum_explainer.inputs.targets import Target, one_hot, resolve_targets
from captum_explainer.kinds.tensor.first_exchange import ask_first
from captum_explainer.kinds.tensor.segments import find_segments
from captum_explainer.parameters.layer_mask import make_layer_mask
from captum_explainer.parameters.row_limits import find_most_rows
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.predictor_client.exchange import Derivative, Exchange, Rows, StraightPath
from captum_explainer.settings import Limits
from captum_explainer.skeleton.answer_book import AnswerBook, ExpectedCotangent, Predictor
from captum_explainer.skeleton.build import PROBABILITY, build_skeleton
from captum_explainer.skeleton.cuts import Cuts, Piece, cut
from captum_explainer.skeleton.forward_pass import ForwardPass


class TensorPlan(Plan):
    """Instances float32 [instances, *input shape], and each one's baselines [1 or more, *input shape].

    Superpixels and LIME's fit are kept for each instance, because they serve all its targets.
    """

    def __init__(
        self,
        description: Description,
        predictor: Predictor,
        limits: Limits,
        resolved: Resolved,
        inputs: Tensor,
        baselines: list[Tensor],
    ) -> None:
        self.description = description
        self.method = resolved.method
        self.parameters = resolved.values
        self.inputs = inputs
        self.baselines = baselines
        scored_again = self.parameters.get("top_k") is not None and self.method.access == Access.SCORES
        self.book = AnswerBook(predictor, repeats=self.method.passes.repeats or scored_again)
        self._predictor = predictor
        self._limits = limits
        self._resolved = resolved
        self._worked_out: list[dict[str, Any]] = [{} for _ in inputs]

    @property
    def cuts(self) -> Cuts:
        """Where the method wants the model cut."""
        method = self.method
        to_layer = not method.takes.target
        return replace(method.cuts, layer=self.parameters.get("layer"), to_layer=to_layer)

    @cached_property
    def pieces(self) -> list[Piece]:
        """The pieces of the model between the cuts. Raises `BadInput`."""
        return cut(self.description, self.cuts)

    def score(self) -> Scores:
        """Fetch all scores in one call; baselines that instances share are sent once."""
        baselines = self.baselines if self.method.takes.baselines != "none" else []
        distinct = {id(one): one for one in baselines}
        rows = [self.inputs, *distinct.values()]
        output = torch.from_numpy(ask_first(self, torch.cat(rows).numpy()).copy())
        if output.ndim != 2:
            raise BadInput(f"the model's output has the shape {list(output.shape[1:])}; expected one score a class")
        at_inputs, *parts = torch.split(output, [len(part) for part in rows])
        at_distinct = dict(zip(distinct, parts, strict=True))
        return Scores(at_inputs, [at_distinct[id(one)] for one in baselines] or None)

    def choose_targets(self, scores: Scores) -> list[list[Target]]:
        """One target for each instance, or `top_k` of them."""
        given = self.parameters.get("target"), self.parameters.get("top_k")
        ranked = resolve_targets(*given, scores.at_inputs, self.description)
        probabilities = self._take_probabilities(scores.at_inputs)
        return [
            [self._describe_target(output, scores.at_inputs[i], probabilities[i]) for output in outputs]
            for i, outputs in enumerate(ranked)
        ]

    def take_output(self, scores: Tensor) -> Tensor:
        """Logits, or probabilities."""
        return self._take_probabilities(scores) if self.parameters.get("output") == PROBABILITY else scores

    def attribute(self, outputs: Sequence[int]) -> list[Attribution]:
        """One attribution for each instance; several instances share a Captum call if the method allows it."""
        method, targets = self.method, [*outputs]
        draws = method.passes.random or self.parameters.get("smooth") is not None
        if method.passes.across or not (method.passes.one_by_one or draws):
            at_once = len(targets) if method.passes.across else self._count_instances_at_once()
            starts = torch.cat([b[:1] for b in self.baselines])
            parts = [slice(i, i + at_once) for i in range(0, len(targets), at_once)]
            called = [self._call(self.inputs[part], starts[part], targets[part], {}) for part in parts]
            return [Attribution(row[None]) for attribution in called for row in attribution.values]
        instances = zip(torch.split(self.inputs, 1), self.baselines, targets, self._worked_out, strict=True)
        return [
            self._call(instance, baselines, [target], worked_out)
            for instance, baselines, target, worked_out in instances
        ]

    def measure(self, attribution: Attribution, instance: int, output: int) -> dict[str, float]:
        """The metrics; changed inputs keep the instance's target and baselines."""
        if not self.parameters.get("metrics"):
            return {}

        def explain_changed(rows: Tensor) -> Tensor:
            baselines = [self.baselines[instance]] * len(rows)
            changed = TensorPlan(self.description, self._predictor, self._limits, self._resolved, rows, baselines)
            return torch.cat([one.values for one in changed.attribute([output] * len(rows))])

        held = find_held_shape(self.method, self.parameters.get("layer"), self.description)
        return measure_quality(
            self._resolved,
            build_skeleton(self.description, AnswerBook(self._predictor), Cuts(), self.parameters["output"]),
            self.inputs[instance : instance + 1],
            self.baselines[instance],
            output,
            attribution.values,
            explain_changed,
            find_most_rows(tuple(self.inputs.shape[1:]), held, self._limits.max_call_bytes),
        )

    def compose(self, attributions: Sequence[Attribution], details: Sequence[Details]) -> np.ndarray:
        """The attributions' values; with `upsample`, at the input's height and width."""
        ((values, _),) = attributions
        if self.parameters.get("upsample"):
            layout = find_layout(tuple(self.inputs.shape[1:]))
            if layout is None or values.ndim != 4:
                shape = list(values.shape[1:])
                raise BadInput(
                    f"upsample: the attributions have the shape {shape}; expected channels, height and width"
                )
            mode = self.parameters["interpolate_mode"]
            values = LayerAttribution.interpolate(values, (layout.height, layout.width), mode)
        return np.ascontiguousarray(values[0].numpy())

    def list_outputs(self, scores: Scores) -> np.ndarray:
        """The outputs that are explained."""
        return np.asarray(self.take_output(scores.at_inputs))

    def list_baselines(self) -> list[np.ndarray]:
        """Each instance's baselines; zeros for a method without baselines."""
        return [one.numpy() for one in self.baselines]

    def expect_cotangents(self, targets: Sequence[int]) -> dict[str, ExpectedCotangent]:
        """The likely cotangents for what is explained: the output, the neuron's layer, or both."""
        method, description = self.method, self.description
        expected: dict[str, ExpectedCotangent] = {}
        # Relevance comes to the last stage divided by the score, and a probability's gradient depends on it: both are
        # known only then.
        if method.takes.target and not method.cuts.relevance and self.parameters.get("output") != PROBABILITY:
            expect = expect_targets(targets, description.output_width)
            expected |= {} if expect is None else {description.output_name: expect}
        if method.family == "neuron":
            layer = self.parameters["layer"]
            expected[layer] = expect_neuron(tuple(self.parameters["neuron"]), description.find_shape(layer))
        return expected

    def _call(self, inputs: Tensor, baselines: Tensor, targets: list[int], worked_out: dict[str, Any]) -> Attribution:
        method, name = self.method, self.parameters.get("layer")
        expected = self.expect_cotangents(targets)
        self.book.expect(None if method.passes.replaces_layer else ForwardPass.find(self.pieces), expected)

        output = self.parameters.get("output") or "logit"
        skeleton = build_skeleton(self.description, self.book, self.cuts, output)
        if method.takes.segments and "mask" not in worked_out:
            worked_out["mask"] = find_segments(
                inputs[0], self._resolved, self.description.input_range, self._limits.max_perturbations
            )
        layer_mask = None
        if method.takes.units:
            layer_mask = make_layer_mask(
                self.description.find_shape(self.parameters["layer"]), self.parameters["layer_mask"]
            )
        integrates = (
            method.passes.integrates and self.description.integrates and self.description.output_name in expected
        )
        problem = Problem(
            skeleton,
            inputs,
            targets,
            baselines,
            layer=None if name is None else skeleton.get_submodule(name),
            parameters=self.parameters,
            feature_mask=worked_out.get("mask"),
            layer_mask=layer_mask,
            integrate=self._integrate if integrates else None,
            memo=worked_out,
        )
        return call_captum(self._resolved, problem)

    def _integrate(
        self, starts: Tensor, ends: Tensor, nodes: Rows, weights: Rows, targets: Sequence[int] | Tensor
    ) -> Tensor | None:
        """The integral of the targets' gradients along paths; None where one call cannot carry a single path."""
        source, sink, width = self.description.input_name, self.description.output_name, self.description.output_width
        assert width is not None
        begin, last = (np.ascontiguousarray(tensor.detach().numpy()) for tensor in (starts, ends))
        cotangents = {sink: one_hot(np.asarray(targets), width)}
        derivative = Derivative((source,), cotangents, path=StraightPath(begin, nodes, weights))
        exchange = Exchange({source: last}, (), derivative)
        if not self.book.carries(exchange.take_rows(slice(0, 1))):
            return None
        return torch.from_numpy(self.book.answer(exchange).gradients[source].copy())

    def _count_instances_at_once(self) -> int:
        """All instances, or fewer if every stage's values are held here: 512 of the MNIST network took 1.4 GB."""
        if not (self.method.cuts.nonlinearities or self.method.cuts.relevance):
            return len(self.inputs)
        held = find_held_shape(self.method, None, self.description)
        return find_most_rows(tuple(self.inputs.shape[1:]), held, self._limits.max_call_bytes)

    def _take_probabilities(self, output: Tensor) -> Tensor:
        if self.description.access == Access.SCORES:
            return output
        return torch.sigmoid(output) if output.shape[-1] == 1 else torch.softmax(output, dim=-1)

    def _describe_target(self, output: int, scores: Tensor, probabilities: Tensor) -> Target:
        details = describe_class(output, scores, probabilities, self.description)
        if not self.method.takes.target:
            del details["target"], details["target_label"]
        return Target((output,), output, details)
