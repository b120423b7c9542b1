"""A text model's calls beside each other: the bytes that they have alone, and predictions first."""

import asyncio

import numpy as np
import pytest
from captum_predictor.engine.engine import Engine
from captum_predictor.engine.lanes import Lanes, Priority
from captum_predictor.engine.query import GivenCotangents, Query
from captum_predictor.graph.chain import MOST_TOKENS
from captum_serving.errors import Overloaded

WIDTH = 32


def call(rows, tokens, seed):
    random = np.random.default_rng(seed)
    mask = np.ones((rows, tokens), np.int64)
    mask[0, tokens // 2 :] = 0
    source = random.standard_normal((rows, tokens, WIDTH), np.float32)
    return source, random.standard_normal((rows, 3), np.float32), {"attention_mask": mask}


def explanation(segment, source, cotangent, extra_inputs):
    return Query(segment, source, Priority.EXPLANATION, extra_inputs, cotangents=GivenCotangents(cotangent))


def test_the_same_call_gives_the_same_bytes_under_load_as_alone(bert):
    segment = bert.kind.model.find_segment("embeddings", None)
    engine = bert.service.engine
    calls = [call(rows, tokens, seed) for seed, (rows, tokens) in enumerate([(1, 2), (1, 48), (7, 13), (60, 48)] * 4)]

    def compute(source, cotangent, extra_inputs):
        return engine.compute(explanation(segment, source, cotangent, extra_inputs))

    async def together():
        return await asyncio.gather(*(compute(*call) for call in calls))

    for one, answer in zip(calls, asyncio.run(together()), strict=True):
        alone = asyncio.run(compute(*one))
        np.testing.assert_array_equal(answer["logits"], alone["logits"])
        np.testing.assert_array_equal(answer["gradient"], alone["gradient"])


@pytest.mark.parametrize(("tokens", "most"), [(1, MOST_TOKENS), (48, 21), (MOST_TOKENS, 1), (MOST_TOKENS + 1, 1)])
def test_a_chunk_is_bounded_by_its_tokens(bert, tokens, most):
    segment = bert.kind.model.find_segment("embeddings", None)
    assert segment.limit_rows((tokens, WIDTH)) == most


def test_no_lane_idles_while_another_computes_the_last_chunk(bert, monkeypatch):
    engine, chunks = bert.service.engine, []
    submit = engine.lanes.submit

    def submitted(given, priority):
        chunks.extend(given)
        return submit(given, priority)

    monkeypatch.setattr(engine.lanes, "submit", submitted)
    source, cotangent, extra_inputs = call(60, 48, 0)
    segment = bert.kind.model.find_segment("embeddings", None)
    asyncio.run(engine.compute(explanation(segment, source, cotangent, extra_inputs)))
    assert [chunk.rows for chunk in chunks] == [15, 15, 15, 15]  # three of 20 would be within the bound


def test_texts_that_find_no_room_are_refused(bert):
    lanes = Lanes(1, 10, 1)
    try:
        segment = bert.kind.model.find_segment("input_ids", None)
        ids = np.full((11, 4), 7, np.int64)
        with pytest.raises(Overloaded, match="it would be more than 10"):
            asyncio.run(Engine(lanes, "cpu").compute(Query(segment, ids, Priority.PREDICTION)))
    finally:
        lanes.stop()
