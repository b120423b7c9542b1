"""From a request's texts to their explanations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from captum_serving.errors import BadInput
from torch import Tensor

from captum_explainer.attribution.answer_details import convergence
from captum_explainer.catalogue.resolve import Resolved, checked
from captum_explainer.formats.request import Explanations, Request
from captum_explainer.kinds.text.by_embeddings import ByEmbeddings
from captum_explainer.kinds.text.by_words import ByWords
from captum_explainer.kinds.text.methods import DEFAULT_METHOD, by_words, find, parameters_of, possible
from captum_explainer.kinds.text.outputs import Probabilities, Target, resolve
from captum_explainer.kinds.text.tokens import Tokens, tokenize
from captum_explainer.kinds.text.word_model import score_by
from captum_explainer.parameters.row_limits import limit_passes
from captum_explainer.parameters.surrogates import SURROGATES
from captum_explainer.predictor_client.description import Description
from captum_explainer.predictor_client.scores import ScoresSession
from captum_explainer.predictor_client.session import Session
from captum_explainer.predictor_client.texts import Text
from captum_explainer.settings import Settings

# What an answer's keys end with where there are two of each: question answering's.
ENDS = ("start", "end")


def explain_texts(
    request: Request, description: Description, session: Session | ScoresSession, settings: Settings
) -> Explanations:
    """Explain a request's texts, each by Captum calls of its own and without padding: none changes another's numbers.

    Raises:
        ServingError: The request is wrong, or the predictor fails.
        ModelChanged: The predictor's model is another one than the description's.
    """
    texts = request.texts
    chosen = _chosen(request.parameters, description, settings)
    targets = _targets(chosen, len(texts))
    tokens: Sequence[Tokens | None] = [None] * len(texts)
    if isinstance(session, Session):
        tokens = tokenize(session, texts)
    _limit(chosen, texts, tokens, description, settings)
    values, details, used = [], [], []
    for text, row, target in zip(texts, tokens, targets, strict=True):
        work: ByEmbeddings | ByWords
        if by_words(chosen.method):
            seen = text if row is None else row.kept(text)
            work = ByWords(chosen, description, settings, seen, score_by(session))
        else:
            assert isinstance(session, Session)
            assert row is not None
            work = ByEmbeddings(chosen, description, session, text, row)
        top_k = chosen["top_k"]
        if top_k is not None and request.at_most_top_k:
            top_k = min(top_k, work.logits.shape[1])
        ranked = resolve(target, top_k, work.logits, row, text, description)
        to_probabilities = Probabilities(description, row) if chosen["output"] == "probability" else torch.nn.Identity()
        found = [_explain(work, chosen, one, to_probabilities) for one in ranked]
        about = {"method": chosen.name, **_about(text, row), **work.details()}
        values.append([value for value, _ in found])
        details.append([about | one.details | more for one, (_, more) in zip(ranked, found, strict=True)])
        used.append(ranked[0].value)
    outputs = np.zeros((len(texts), 0), dtype=np.float32)
    if chosen.get("top_k") is not None:
        return Explanations(values, details, chosen.values, outputs, [])
    resolved = chosen.values | {"target": used}
    return Explanations([row[0] for row in values], [row[0] for row in details], resolved, outputs, [])


def _chosen(given: dict[str, Any], description: Description, settings: Settings) -> Resolved:
    default = settings.defaults.get("method")
    if default not in possible(description):
        default = DEFAULT_METHOD[description.access]
    name = given.get("method", default)
    method = find(name, description)
    values = checked(name, given, parameters_of(method, description), settings)
    if values.get("alpha", 0.0) is None:
        values["alpha"] = SURROGATES[values["surrogate"]]
    return Resolved(name, method, values)


def _targets(chosen: Resolved, count: int) -> list[Any]:
    """One a text."""
    target = chosen["target"]
    if not isinstance(target, list):
        return [target] * count
    if len(target) != count:
        raise BadInput(f"target has {len(target)} entries; expected {count}, one an instance")
    return target


def _limit(
    chosen: Resolved,
    texts: Sequence[Text],
    tokens: Sequence[Tokens | None],
    description: Description,
    settings: Settings,
) -> None:
    """Choose how many rows a pass has, by the longest of the texts."""
    if by_words(chosen.method):
        # Of a very long text, some hundred copies would be too much to hold.
        characters = max(1, *(sum(map(len, text.parts)) for text in texts))
        most = max(1, settings.max_call_bytes // characters)
        chosen.values["perturbations_per_eval"] = min(chosen["perturbations_per_eval"], most)
        return
    longest = max(row.ids.shape[1] for row in tokens if row is not None)
    (_, width) = description.shape_of(chosen["layer"])
    limit_passes(chosen.values, 1, (longest, width), (), settings)


def _about(text: Text, tokens: Tokens | None) -> dict[str, Any]:
    pair = {} if text.pair is None else {"text_pair": text.pair}
    dropped = {} if tokens is None else {"truncated": tokens.dropped > 0, "tokens_dropped": tokens.dropped}
    return {"text": text.text, **pair, **dropped}


def _explain(
    work: ByEmbeddings | ByWords, chosen: Resolved, target: Target, to_probabilities: torch.nn.Module
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One target's explanation and the details of its sums, which are two of each for an answer."""
    scores = to_probabilities(work.logits)[0]
    at_baseline = None if work.at_baseline is None else to_probabilities(work.at_baseline)[0]
    sides = [_explain_output(work, chosen, output, scores, at_baseline) for output in target.outputs]
    if len(sides) == 1:
        ((values, details),) = sides
        delta = details["convergence_delta"]
        return {"words": work.words, "importances": values, "delta": delta}, details
    explanation: dict[str, Any] = {"words": work.words}
    explanation |= {f"importances_answer_{end}": values for end, (values, _) in zip(ENDS, sides, strict=True)}
    explanation |= {f"delta_{end}": details["convergence_delta"] for end, (_, details) in zip(ENDS, sides, strict=True)}
    return explanation, {key: [details[key] for _, details in sides] for key in sides[0][1]}


def _explain_output(
    work: ByEmbeddings | ByWords, chosen: Resolved, output: int, scores: Tensor, at_baseline: Tensor | None
) -> tuple[np.ndarray, dict[str, Any]]:
    attribution = work.attribute(output)
    score = float(scores[output])
    details: dict[str, Any] = {
        "score": score,
        "baseline_score": None if at_baseline is None else float(at_baseline[output]),
        "convergence_delta": None,
        "converged": None,
    }
    if chosen.method.complete and at_baseline is not None:
        details |= convergence(attribution, score - details["baseline_score"], chosen["tolerance"])
    values = work.importances(attribution.values).numpy()
    return values, details | (attribution.details or {})
