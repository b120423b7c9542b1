"""Tokenizing much: for others meanwhile, for clients that have gone, and at most so much in one request."""

import asyncio
import json
import threading
import time

import pytest
from captum_predictor.protocol.inference import Limits, Reader
from captum_serving.errors import TooLarge


def test_the_interpreter_is_not_held_while_a_long_text_is_tokenized(bert):
    gaps, ended = [], threading.Event()

    def beat():
        last = time.monotonic()
        while not ended.is_set():
            time.sleep(0.002)
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    thread = threading.Thread(target=beat)
    thread.start()
    begin = time.monotonic()
    bert.kind.model.tokenizer.tokenize("a dog and a fox " * 50_000, None, "text")
    took = time.monotonic() - begin
    ended.set()
    thread.join()
    assert max(gaps) < took / 3


@pytest.mark.parametrize("form", ["V1", "V2"])
def test_a_client_that_goes_stops_the_tokenizing_of_its_texts(bert, monkeypatch, form):
    texts = ["a dog " * 100] * 90
    tokenized, started, tokenize = [], threading.Event(), bert.kind.model.tokenizer.tokenize

    def slow(*arguments):
        started.set()
        time.sleep(0.02)
        tokenized.append(1)
        return tokenize(*arguments)

    monkeypatch.setattr(bert.kind.model.tokenizer, "tokenize", slow)
    tensor = {"name": "text", "datatype": "BYTES", "shape": [90], "data": texts}

    async def hang_up():
        if form == "V1":
            work = bert.service.predict(json.dumps({"instances": texts}).encode())
        else:
            work = bert.service.infer(json.dumps({"inputs": [tensor]}).encode(), None)
        task = asyncio.create_task(work)
        await asyncio.to_thread(started.wait, 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.3)
        before = len(tokenized)
        await asyncio.sleep(0.2)
        return before

    assert asyncio.run(hang_up()) == len(tokenized) < 20


def test_the_characters_of_a_request_are_limited(bert):
    reader = Reader(bert.kind, Limits(100, 1_000_000, characters=20))
    assert reader.read_instances(["a dog", "a quick fox", {"text": "b", "text_pair": "cat"}])
    for instances in (["a dog", "a quick fox....", "b"], [{"text": "a" * 10, "text_pair": "b" * 11}]):
        with pytest.raises(TooLarge, match=r"instances: the texts have 2[01] characters; expected at most 20 in one"):
            reader.read_instances([*instances, ""] if len(instances) > 1 else instances)
