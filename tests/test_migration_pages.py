"""What the pages for other servers' users say can be sent is answered, and what they say of the YAML is taken."""

from __future__ import annotations

import re
import shlex

import pytest
import requests
import yaml
from captum_explainer.server.options import parse

from local.servers import ROOT, Pair

PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text() for name in (
    "migrate-from-torchserve",
    "migrate-from-alibi",
    "explain-over-v2",
)}  # fmt: skip
TIMEOUT = 60


def blocks(kind: str) -> list[pytest.param]:
    found = [(name, block) for name, page in PAGES.items() for block in re.findall(rf"```{kind}\n(.*?)```", page, re.S)]
    return [pytest.param(block, id=f"{name}-{i}") for i, (name, block) in enumerate(found)]


def test_every_block_of_the_pages_is_of_a_kind_that_is_tested() -> None:
    kinds = re.findall(r"^```(\w+)$", "".join(PAGES.values()), re.MULTILINE)
    assert sorted(set(kinds)) == ["bash", "json", "python", "yaml"]
    assert len(kinds) == sum(len(blocks(kind)) for kind in set(kinds))


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_file_and_its_heading(name: str) -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", PAGES[name]) if not link.startswith("https://")]
    assert links
    for link in links:
        file, _, heading = link.partition("#")
        target = ROOT / "docs" / file
        assert target.is_file(), link
        headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
        assert not heading or heading in [re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings]


@pytest.mark.parametrize("pair", ["mnist"], indirect=True)
@pytest.mark.parametrize("block", blocks("python"))
def test_the_programs_run(block: str, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(block.replace("http://localhost:8080", pair.explainer.url), "page", "exec"), {})


@pytest.mark.parametrize("pair", ["mnist"], indirect=True)
@pytest.mark.parametrize("block", blocks("bash"))
def test_the_commands_requests_are_answered(block: str, pair: Pair) -> None:
    for line in block.splitlines():
        command, flag, given, url = shlex.split(line)
        assert command == "curl"
        picture = (ROOT / given.removeprefix("data=@")).read_bytes()
        url = url.replace("http://localhost:8080", pair.explainer.url)
        # As curl's manual says of the two flags.
        if flag == "-T":
            reply = requests.put(url, data=picture, timeout=TIMEOUT)
        else:
            assert flag == "-F"
            reply = requests.post(url, files={"data": picture}, timeout=TIMEOUT)
        assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("pair", ["mnist"], indirect=True)
@pytest.mark.parametrize("block", blocks("json"))
def test_the_request_over_v2_is_answered(block: str, pair: Pair) -> None:
    reply = requests.post(pair.explainer.url + "/v2/models/mnist/explain", data=block, timeout=TIMEOUT)
    assert reply.status_code == 200, reply.text
    assert [output["name"] for output in reply.json()["outputs"]] == ["explain", "target"]
    assert reply.json()["outputs"][0]["shape"] == [1, 28, 28]


@pytest.mark.parametrize("block", blocks("yaml"))
def test_the_explainers_flags_are_taken(block: str) -> None:
    (container,) = yaml.safe_load(block)["spec"]["explainer"]["containers"]
    injected = ["--model_name=mnist", "--predictor_host=mnist-predictor", "--http_port=8080"]
    assert parse([*injected, *container["args"]]).defaults
