"""The chart's README has the table of its values."""

from __future__ import annotations

import re

import pytest

from local.servers import ROOT
from tools.chart_values import CHART, Undocumented, table_of, with_table

README = (CHART / "README.md").read_text()
VALUES = (CHART / "values.yaml").read_text()


def test_its_table_is_up_to_date():
    assert with_table(README, table_of(VALUES)) == README, "run `make chart-docs`"


def test_every_link_leads_to_a_file():
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    assert [link for link in links if not (CHART / link).exists()] == []


def test_every_make_target_is_in_the_makefile():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert set(re.findall(r"`make ([a-z-]+)", README)) <= set(targets)


def test_a_row_is_a_key_its_default_and_its_text():
    values = "a:\n  # no text\n  # -- What it is\n  b: [1, x]\n# -- All of them\nc: {d: 1}\n"
    assert table_of(values).splitlines()[2:] == [
        '| `a.b` | `[1, "x"]` | What it is |',
        '| `c` | `{"d": 1}` | All of them |',
    ]


def test_a_value_without_text_is_an_error():
    with pytest.raises(Undocumented, match=re.escape("a.c has no text; expected a comment `# -- TEXT`")):
        table_of("a:\n  # -- Text\n  b: 1\n\n  c: 2\n")
