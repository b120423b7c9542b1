"""Writes the table of a chart's values into its README: each key's text is the comment before it that begins `# --`."""

import json
import re
from collections.abc import Iterator

import yaml

from local.servers import ROOT

CHART = ROOT / "charts" / "kserve-captum"
BEGIN, END = "<!-- make chart-docs: -->\n", "<!-- :make chart-docs -->"


class Undocumented(Exception):
    """A value has no text, nor has anything that it is part of."""


def table_of(values: str) -> str:
    """The rows of values.yaml's text.

    Raises:
        Undocumented: A value has no text.
    """
    root = yaml.compose(values, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    rows = [f"| `{key}` | `{default}` | {text} |" for key, default, text in _rows(root, values.splitlines(), "")]
    return "\n".join(["| value | default | |", "| --- | --- | --- |", *rows, ""])


def _rows(mapping: yaml.MappingNode, lines: list[str], prefix: str) -> Iterator[tuple[str, str, str]]:
    for key, value in mapping.value:
        name = f"{prefix}{key.value}"
        text = _text_before(key.start_mark.line, lines)
        if text is not None:
            yield name, json.dumps(yaml.SafeLoader("").construct_object(value, deep=True)), text
        elif isinstance(value, yaml.MappingNode):
            yield from _rows(value, lines, f"{name}.")
        else:
            raise Undocumented(f"{name} has no text; expected a comment `# -- TEXT` on the line before it")


def _text_before(line: int, lines: list[str]) -> str | None:
    found = re.fullmatch(r" *# -- (.+)", lines[line - 1]) if line else None
    return found and found[1]


def with_table(page: str, table: str, marks: tuple[str, str] = (BEGIN, END)) -> str:
    """A page's text with the table between its two marks."""
    begin, end = marks
    before, rest = page.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}{table}{end}{after}"


def main() -> None:
    """Write the chart's table again."""
    readme = CHART / "README.md"
    readme.write_text(with_table(readme.read_text(), table_of((CHART / "values.yaml").read_text())))


if __name__ == "__main__":
    main()
