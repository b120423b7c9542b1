"""The pages stay short: who reads one has time for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.servers import ROOT

GENERATED = {"methods.md", "flags.md"}
# To look things up in, not to be read from the beginning.
REFERENCES = {"http-api.md", "gradient-extension.md", *GENERATED}
PAGES = sorted((ROOT / "docs").rglob("*.md"))
MOST_WORDS, MOST_WORDS_TOGETHER = 900, 25_000


def count_words(page: Path) -> int:
    return len(page.read_text().split())


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in REFERENCES], ids=lambda page: page.stem)
def test_a_page_is_read_in_some_minutes(page: Path) -> None:
    assert count_words(page) <= MOST_WORDS


def test_all_pages_are_read_in_an_afternoon() -> None:
    written = [page for page in PAGES if page.name not in GENERATED]
    assert sum(map(count_words, [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *written])) < MOST_WORDS_TOGETHER


def test_every_decision_is_in_the_list_and_numbered() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"^(\d+)\. \[(.+)\]\((\d{3})-(\S+)\.md\)$", (folder / "README.md").read_text(), re.MULTILINE)
    assert sorted(path.stem for path in folder.glob("[0-9]*.md")) == [f"{digits}-{name}" for *_, digits, name in listed]
    for i, (number, title, digits, name) in enumerate(listed, start=1):
        assert (int(number), int(digits)) == (i, i)
        assert (folder / f"{digits}-{name}.md").read_text().startswith(f"# {i}. {title}\n")
