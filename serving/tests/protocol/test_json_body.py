import json
import threading

import orjson
import pytest
from captum_serving.errors import BadInput, TooLarge
from captum_serving.limits import ClientLimits
from captum_serving.protocol import json_body
from captum_serving.protocol.json_body import parse_json

LIMITS = ClientLimits(max_json_bytes=1000, max_json_arrays=10, max_json_objects=5, max_json_commas=20)


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "[" * 5000 + "]" * 5000, "\udcff"])
def test_what_is_no_json_gets_a_sentence(text):
    with pytest.raises(BadInput, match=r"^the body is not JSON \("):
        parse_json(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "document",
    ["x" * 998, [[]] * 9, [{}] * 5, list(range(21)), {"instances": [[0.5] * 10], "a": {"b": {"c": {"d": 1}}}}],
    ids=["bytes", "arrays", "objects", "commas", "a request"],
)
def test_what_has_as_much_as_the_limits_say_is_read(document):
    assert parse_json(json.dumps(document).encode(), LIMITS) == document


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("x" * 999, "the JSON has 1001 bytes; expected at most 1000"),
        ([[]] * 10, "the JSON has 11 arrays; expected at most 10"),
        ([{}] * 6, "the JSON has 6 objects; expected at most 5"),
        (list(range(22)), "the JSON has 21 commas; expected at most 20"),
    ],
)
def test_what_has_more_is_too_large(document, sentence):
    with pytest.raises(TooLarge, match=f"^{sentence}"):
        parse_json(json.dumps(document).encode(), LIMITS)


def test_the_largest_request_that_we_know_is_within_the_defaults():
    picture = [[[0.12345678901234567] * 3] * 224] * 224
    body = json.dumps({"instances": [picture] * 10}).encode()
    assert len(body) > 27 * 2**20
    assert len(parse_json(body)["instances"]) == 10


def test_large_bodies_are_parsed_one_at_a_time(monkeypatch):
    monkeypatch.setattr(json_body, "LARGE_BYTES", 100)
    parsing, most = 0, 0

    def loads(text):
        nonlocal parsing, most
        parsing += 1
        most = max(most, parsing)
        threading.Event().wait(0.05)
        parsing -= 1
        return orjson.loads(text)

    monkeypatch.setattr(json_body, "_loads", loads)
    threads = [threading.Thread(target=parse_json, args=(b" " * 200 + b"[]",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
