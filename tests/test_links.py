"""Every link of every page leads to a file, and to a heading of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.servers import ROOT

PAGES = sorted(path for pattern in ("*.md", "[!.]*/**/*.md") for path in ROOT.glob(pattern))


def without_code(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def headings(page: Path) -> set[str]:
    """A page's headings as links name them."""
    lines = re.findall(r"^#+ (.*)$", without_code(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_leads_to_a_file_and_its_heading(page: Path) -> None:
    wrong = []
    for link in local_links(page):
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (heading and heading not in headings(target)):
            wrong.append(link)
    assert wrong == []


def local_links(page: Path) -> list[str]:
    """What a page links to in this repository."""
    links = re.findall(r"\]\(([^)\s]+)\)", without_code(page))
    return [link for link in links if not re.match(r"https?://", link)]


def test_there_are_links() -> None:
    assert len(PAGES) > 20
    assert len(local_links(ROOT / "README.md")) > 10
    assert "asking-for-an-explanation" in headings(ROOT / "docs" / "http-api.md")
