import gzip
import json

import pytest
from captum_client.errors import QueryError
from captum_client.http.explainer import Explainer
from fake_explainer import FakeExplainer, Reply

LARGE = {"numbers": [n / 7 for n in range(30_000)]}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_reads_an_answer_however_it_is_sent(explainer: FakeExplainer, chunked: bool, packed: bool) -> None:
    text = json.dumps(LARGE).encode()
    headers = {"Content-Encoding": "gzip"} if packed else {}
    explainer.replies = [Reply(gzip.compress(text) if packed else text, headers=headers, chunked=chunked)]
    with Explainer(explainer.url, "h", {}, 10) as client:
        answer = client.explain({"instances": []})
    assert answer.json == LARGE
    assert answer.text == text.decode()


def test_keeps_one_connection(explainer: FakeExplainer) -> None:
    with Explainer(explainer.url, "h", {}, 10) as client:
        for _ in range(3):
            client.explain({"instances": []})
    assert len({call.client_port for call in explainer.calls}) == 1


def test_host_may_be_left_to_the_url(explainer: FakeExplainer) -> None:
    with Explainer(explainer.url, "", {}, 10) as client:
        client.fetch_methods()
    assert explainer.calls[0].headers["host"] == f"127.0.0.1:{explainer.port}"


def test_a_header_of_the_user_wins(explainer: FakeExplainer) -> None:
    with Explainer(explainer.url, "h", {"accept": "*/*"}, 10) as client:
        client.fetch_methods()
    assert explainer.calls[0].headers["accept"] == "*/*"


def test_redirect_is_not_followed(explainer: FakeExplainer) -> None:
    explainer.replies = [Reply(b"", 302, {"Location": "/elsewhere"})]
    with Explainer(explainer.url, "h", {}, 10) as client, pytest.raises(QueryError, match="redirects to /elsewhere"):
        client.explain({"instances": []})
    assert len(explainer.calls) == 1
