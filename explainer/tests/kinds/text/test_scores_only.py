import json

import numpy as np
import orjson
import pytest
from captum_explainer.attribution.explain import explain
from captum_explainer.deadline import Deadline
from captum_explainer.formats import dispatch
from captum_explainer.formats.request import Incoming
from captum_explainer.predictor_client.description import Description
from captum_explainer.predictor_client.scores import ScoresSession
from captum_explainer.predictor_client.transport import Connection
from captum_explainer.server.options import compose_settings
from captum_explainer.settings import PredictorAddress, Settings
from captum_serving.errors import BadGateway, BadInput, TooLarge
from captum_serving.protocol import wire

GLAD = {"good": 0.3, "fine": 0.1, "bad": -0.4}


def glad(text):
    """A bag-of-words model of two probabilities."""
    return 0.5 + sum(weight for word, weight in GLAD.items() if word in text.split())


@pytest.fixture
def explained(fake_predictor, send_reply):
    """Explains texts by a V1 predictor of strings, whose predictions `write` makes of the probabilities."""

    def run(body, write=lambda p: [1 - p, p], **flags):
        def answer(handler, request):
            texts = json.loads(request.body)["instances"]
            joined = [text if isinstance(text, str) else text["text"] + " " + text["text_pair"] for text in texts]
            send_reply(handler, 200, orjson.dumps({"predictions": [write(glad(text)) for text in joined]}))

        fake_predictor.answer = answer
        description = Description("glad")
        settings = compose_settings(model_name="glad", predictor_host=fake_predictor.host, **flags)
        request, write_answer = dispatch.read(Incoming(orjson.dumps(body)), description, settings)
        connection = Connection(fake_predictor.host, False, None, 10)
        session = ScoresSession(connection, description, Deadline(10), {}, settings.limits.max_call_bytes, "v1")
        found = explain(request.plan(description, session, settings.limits, settings.defaults))
        return orjson.loads(write_answer(found, description).body)

    return run


def test_occlusion_finds_each_words_weight(explained):
    answer = explained({"instances": ["a good but bad film"], "parameters": {"method": "occlusion", "target": 1}})
    (explanation,), (details,) = answer["explanations"], answer["details"]
    assert explanation["words"] == ["a", "good", "but", "bad", "film"]
    np.testing.assert_allclose(explanation["importances"], [0, 0.3, 0, -0.4, 0], atol=1e-6)
    assert (details["score"], details["baseline_score"]) == (pytest.approx(0.4), 0.5)
    assert "truncated" not in details  # nobody knows


def test_lime_is_the_default_and_a_ridge_finds_the_weights(explained):
    parameters = {"surrogate": "ridge", "alpha": 0.0001, "target": 1}
    answer = explained({"instances": [{"text": "a fine but bad film"}], "parameters": parameters})
    assert answer["parameters"]["method"] == "lime"
    np.testing.assert_allclose(answer["explanations"][0]["importances"], [0, 0.1, 0, -0.4, 0], atol=1e-4)
    assert answer["details"][0]["r2"] == pytest.approx(1, abs=1e-4)


def test_words_that_are_written_alike_may_go_together(explained):
    text = {"text": "good dog", "text_pair": "good fox"}
    parameters = {"method": "occlusion", "target": 1, "bag_of_words": True}
    together = explained({"instances": [text], "parameters": parameters})["explanations"][0]
    assert together["words"] == ["good", "dog", "good", "fox"]
    np.testing.assert_allclose(together["importances"], [0.3, 0, 0.3, 0], atol=1e-6)
    alone = explained({"instances": [text], "parameters": parameters | {"bag_of_words": False}})["explanations"][0]
    np.testing.assert_allclose(alone["importances"], 0, atol=1e-6)


@pytest.mark.parametrize(
    "write",
    [
        lambda p: {"sad": 1 - p, "glad": p},
        lambda p: {"label": "glad", "probabilities": {"sad": 1 - p, "glad": p}},
        lambda p: p,
    ],
)
def test_predictions_may_be_objects_or_one_number(explained, write):
    answer = explained({"instances": ["bad film"], "parameters": {"method": "occlusion"}}, write)
    importances = answer["explanations"][0]["importances"]
    np.testing.assert_allclose(np.abs(importances), [0.4, 0], atol=1e-6)


def test_aixs_answer_is_of_any_predictor(explained):
    body = {"instances": ["a good but bad film"], "num_samples": 200}
    answer = explained(body, explainer_type="LimeTexts", top_labels=1)
    ((label, words),) = answer["explanations"].items()
    assert label == "0"  # the likelier of the two
    assert [word for word, _ in words][:2] == ["bad", "good"]
    assert words[0][1] == pytest.approx(0.4, abs=0.05)
    assert words[1][1] == pytest.approx(-0.3, abs=0.05)


def test_a_text_is_asked_about_once(explained, fake_predictor):
    explained({"instances": ["good film"], "parameters": {"method": "lime", "n_samples": 200}})
    asked = [text for request in fake_predictor.requests for text in json.loads(request.body)["instances"]]
    assert sorted(asked) == sorted(["good film", " film", "good ", " "])


def test_gradients_are_not_to_be_had(explained):
    body = {"instances": ["good"], "parameters": {"method": "saliency"}}
    with pytest.raises(BadInput, match=r"saliency needs gradients .* gives scores; possible: lime, occlusion"):
        explained(body)


@pytest.mark.parametrize("prediction", ["glad", None, {"label": "glad"}, []])
def test_what_are_no_scores_is_the_predictors_fault(explained, prediction):
    with pytest.raises(BadGateway):
        explained({"instances": ["good film"]}, lambda p: prediction)


def test_over_v2_texts_are_bytes(fake_predictor, send_reply):
    def answer(handler, request):
        texts = wire.decode(request.body, None, "inputs", strings=str).tensors["text"]
        scores = np.array([[glad(text)] for text in texts], dtype=np.float32)
        send_reply(handler, 200, wire.encode({}, {"scores": scores}, "outputs", False)[0])

    fake_predictor.answer = answer
    description = Description("glad", input_name="text")
    settings = Settings("glad", PredictorAddress(fake_predictor.host))
    connection = Connection(fake_predictor.host, False, None, 10)
    session = ScoresSession(connection, description, Deadline(10), {}, settings.limits.max_call_bytes, "v2")
    body = {"instances": ["bad film"], "parameters": {"method": "occlusion"}}
    request, _ = dispatch.read(Incoming(orjson.dumps(body)), description, settings)
    found = explain(request.plan(description, session, settings.limits, settings.defaults))
    np.testing.assert_allclose(found.values[0]["importances"], [-0.4, 0], atol=1e-6)
    pair = {"instances": [{"text": "a", "text_pair": "b"}]}
    request, _ = dispatch.read(Incoming(orjson.dumps(pair)), description, settings)
    with pytest.raises(BadInput, match="text_pair; expected texts alone"):
        explain(request.plan(description, session, settings.limits, settings.defaults))


def test_a_long_text_is_held_but_a_few_times_at_once(explained, fake_predictor):
    body = {"instances": ["good film " * 20], "parameters": {"method": "occlusion"}}
    answer = explained(body, max_call_bytes=1000)
    assert answer["parameters"]["perturbations_per_eval"] == 1000 // 200
    assert max(len(json.loads(request.body)["instances"]) for request in fake_predictor.requests) <= 5


def test_too_many_characters_are_refused(explained):
    assert explained({"instances": ["good " * 10, "bad " * 10]}, max_characters=90)
    with pytest.raises(
        TooLarge, match=r"91 characters; expected at most 90 together \(the server's limit, --max_charac"
    ):
        explained({"instances": ["good " * 10, "bad " * 10 + "."]}, max_characters=90)


def test_the_answers_size_is_known_before_the_predictor_is_asked(explained, fake_predictor):
    document = {"instances": ["good " * 10] * 3, "parameters": {"method": "occlusion"}}
    assert explained(document, max_answer_bytes=3 * (512 + 32 * 50))
    fake_predictor.requests.clear()
    with pytest.raises(TooLarge, match="ask for fewer or shorter texts, or a smaller top_k"):
        explained(document, max_answer_bytes=3 * (512 + 32 * 50) - 1)
    assert fake_predictor.requests == []


def test_a_fit_that_would_take_minutes_is_refused(explained):
    document = {"instances": [" ".join(map(str, range(2000)))], "parameters": {"n_samples": 1000}}
    with pytest.raises(BadInput, match=r"1000 samples \(n_samples\) of 2000 segments; expected .* of at most 3e\+09"):
        explained(document)
