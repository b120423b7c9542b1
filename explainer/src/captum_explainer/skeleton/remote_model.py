"""In a notebook, the remote model behaves like any `nn.Module`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import torch
from captum_serving.errors import DeadlineExceeded
from torch import Tensor, nn

from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client.client import PredictorClient
from captum_explainer.predictor_client.description import Description, Stage
from captum_explainer.predictor_client.exchange import Answer, Exchange
from captum_explainer.settings import Limits, PredictorAddress
from captum_explainer.skeleton.build import Separate, find_gradient_format
from captum_explainer.skeleton.cuts import NONLINEARITIES, build_nonlinearity, check_kind, list_stages
from captum_explainer.skeleton.remote_segment import RemoteSegment

PATH = re.compile(r"(?:/v[12]/models/(?P<name>[^/:]+)(?::predict|/infer)?)?/?")


class RemoteModel(nn.Module):
    """A model that a predictor serves: float32 [rows, *input shape] to [rows, outputs], as `:explain` explains it.

    Its stages are submodules of their names, so `LayerGradCam(model, model.conv2)` and `DeepLift(model)` are what they
    are in process, and their numbers have the same bits. A stage that Captum (or anyone) has hooked is computed by
    itself, in this process where it is a nonlinearity; all between them are one call to the predictor. So a forward
    pass without hooks is one call and its backward pass another, whatever the number of stages.

    The weights stay in the predictor. As with any module, every thread sees a hook: use one RemoteModel per thread.

    Attributes:
        name: The model's name.
        labels: The outputs' labels; empty if the model has none.
        input_shape: One instance's shape; None if the predictor does not say.
        digest: The version of the model, from which every answer must come. None for a predictor without our extension.
        calls: The number of calls made to the predictor.
    """

    def __init__(
        self,
        url: str,
        name: str | None = None,
        *,
        host: str | None = None,
        headers: Mapping[str, str] | None = None,
        ca_bundle: str | None = None,
        timeout: float = 60.0,
        protocol: Literal["v1", "v2"] = "v1",
    ) -> None:
        """Ask the predictor what its model is.

        Args:
            url: `http://host:port` or https, with or without `/v2/models/{name}`.
            name: The model's name, needed if neither the URL nor the predictor's list of models gives it.
            host: The Host header, by which a gateway chooses the predictor.
            headers: Further headers for every call, such as Authorization.
            ca_bundle: A file with the CA certificates for https.
            timeout: Seconds that one call may take, with its retries.
            protocol: The protocol for a predictor without the gradient extension.

        Raises:
            ValueError: The URL is malformed, the model's name is not known, or the model takes texts.
            ServingError: The predictor cannot be reached, refuses, or answers what it must not.
        """
        super().__init__()
        parts = urlsplit(url)
        match = PATH.fullmatch(parts.path)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or match is None:
            raise ValueError(f"url is {url!r}; expected http://host:port, with or without /v2/models/{{name}}")
        address = PredictorAddress(parts.netloc, protocol, parts.scheme == "https", ca_bundle, math.inf)
        self._calls = _RemoteAnswers(address, {**(headers or {}), **({"Host": host} if host else {})}, timeout)
        self.name = name or unquote(match["name"] or "") or self._calls.find_only_name(url)
        self.description = self._calls.describe(self.name)
        if self.description.text is not None:
            raise ValueError(
                f"{self.name!r} takes texts; expected a model that takes tensors: for texts, ask its explainer"
            )
        self.labels, self.digest = self.description.labels, self.description.digest
        self.input_shape = self.description.input_shape
        self._stages: list[tuple[Stage, nn.Module]] = []
        source = self.description.input_name
        for stage in list_stages(self.description):
            module = (
                build_nonlinearity(stage) if stage.kind in NONLINEARITIES else RemoteStage(self._calls, source, stage)
            )
            # A stage cannot take a name that every module has, such as "forward".
            self.add_module(stage.name + "_" if hasattr(self, stage.name) else stage.name, module)
            self._stages.append((stage, module))
            source = stage.name
        self.eval()

    @property
    def calls(self) -> int:
        """The number of calls made to the predictor."""
        return self._calls.made

    def forward(self, rows: Tensor) -> Tensor:
        """The outputs [rows, outputs], logits of our predictor, for float32 rows [rows, *input shape].

        Raises:
            ValueError: The rows have another shape, dtype or device.
            ModelChanged: The predictor's model is no longer the one that this was made for.
            ServingError: The predictor cannot be reached, refuses, or answers what it must not.
        """
        self._check(rows)
        value, source, run, local = rows, self.description.input_name, list[Stage](), False
        for stage, module in self._stages:
            if not _is_hooked(module):
                run.append(stage)
                continue
            if run:
                value, run, local = self._ask(source, run, value), [], False
            is_local = not isinstance(module, RemoteSegment)
            value = module(Separate()(value) if local and is_local else value)
            source, local = stage.name, is_local
        return self._ask(source, run, value) if run else value

    def apply(self, fn: Callable[[nn.Module], None]) -> RemoteModel:
        """Apply a function to every module, as methods that change the backward rule of nonlinearities do.

        Raises:
            BadInput: The predictor does not say what is in a stage, which may be a nonlinearity.
        """
        for stage, _ in self._stages:
            check_kind(stage)
        return super().apply(fn)

    def _ask(self, source: str, run: list[Stage], rows: Tensor) -> Tensor:
        segment = RemoteSegment(self._calls, (source,), (run[-1].name,), find_gradient_format(run))
        value: Tensor = segment(rows)
        return value

    def _check(self, rows: Tensor) -> None:
        shape = self.input_shape
        if rows.dtype != torch.float32 or rows.device.type != "cpu":
            raise ValueError(f"the rows are {rows.dtype} on {rows.device.type}; expected torch.float32 on cpu")
        if not len(rows) or (shape is not None and tuple(rows.shape[1:]) != shape):
            expected = "[rows, ...]" if shape is None else str(["rows", *shape]).replace("'", "")
            raise ValueError(f"the rows have the shape {list(rows.shape)}; expected {expected}, one or more")


class RemoteStage(RemoteSegment):
    """A hooked stage, which the predictor computes in a call of its own."""

    def __init__(self, calls: _RemoteAnswers, source: str, stage: Stage) -> None:
        super().__init__(calls, (source,), (stage.name,), find_gradient_format([stage]))
        self.stage = stage

    def extra_repr(self) -> str:
        """Its kind, and one instance's output shape."""
        return f"{self.stage.kind}, {list(self.stage.shape)}"


class _RemoteAnswers:
    """Calls to the predictor, each with a deadline of its own."""

    def __init__(self, address: PredictorAddress, headers: Mapping[str, str], timeout: float) -> None:
        self._client = PredictorClient(address, Limits().max_call_bytes)
        self._headers = headers
        self._timeout = timeout
        self._description = Description("")
        self.made = 0

    def find_only_name(self, url: str) -> str:
        names = self._client.list_names(_CallDeadline(self._timeout), self._headers)
        if len(names) != 1:
            served = f"serves {', '.join(map(repr, names[:20]))}" if names else "lists no models"
            raise ValueError(f"the predictor at {url} {served}; expected a name, as in RemoteModel({url!r}, 'mnist')")
        return names[0]

    def describe(self, name: str) -> Description:
        self._description = self._client.describe(name, _CallDeadline(self._timeout), self._headers)
        return self._description

    def answer(self, exchange: Exchange) -> Answer:
        session = self._client.open_session(self._description, _CallDeadline(self._timeout), self._headers)
        try:
            return session.answer(exchange)
        finally:
            self.made += session.calls


class _CallDeadline(Deadline):
    def make_error(self) -> DeadlineExceeded:
        return DeadlineExceeded(
            f"the predictor did not answer within {self.seconds:g} s; ask for fewer rows, or give RemoteModel a timeout"
        )


def _is_hooked(module: nn.Module) -> bool:
    hooks: list[Any] = [
        module._forward_hooks,
        module._forward_pre_hooks,
        module._backward_hooks,
        module._backward_pre_hooks,
    ]
    return any(hooks)
