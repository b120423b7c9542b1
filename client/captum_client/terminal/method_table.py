"""Formats the explainer's catalogue of methods."""

import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from captum_client.errors import QueryError
from captum_client.http.answer import JsonAnswer
from captum_client.printable import make_printable


def format_methods(answer: JsonAnswer, names: Sequence[str]) -> Iterator[str]:
    """Return lines for the terminal: a table of all methods, or the parameters of the methods in `names`.

    Raises QueryError if the answer is not a catalogue or lacks one of the names.
    """
    content = answer.json
    methods = content.get("methods") if isinstance(content, dict) else None
    if not isinstance(methods, list) or not all(isinstance(method, dict) for method in methods):
        raise QueryError("The answer is not a list of methods.", "Check that URL points to an explainer.")
    known = {make_printable(method.get("name", ""), 60): method for method in methods}
    if missing := [name for name in names if name not in known]:
        raise QueryError(f"Method {missing[0]!r} is not known to the server. Known: {', '.join(known)}.")
    if names:
        return (line for name in names for line in _format_details(name, known[name]))
    return _format_table(
        f"{make_printable(content.get('model'))} (access: {make_printable(content.get('access'))})", known
    )


def _format_table(title: str, known: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    yield title
    cells = [("METHOD", "FAMILY", "NEEDS", "WHAT IT SHOWS")]
    for name, method in known.items():
        family, access, summary = (make_printable(method.get(key, "")) for key in ("family", "access", "summary"))
        cells.append((name, family, access, summary))
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    indent = sum(widths) + 2 * len(widths)
    room = max(shutil.get_terminal_size((120, 24)).columns - indent, 30)
    for row in cells:
        first, *rest = textwrap.wrap(row[3], room) or [""]
        yield ("".join(cell.ljust(width + 2) for cell, width in zip(row, widths, strict=False)) + first).rstrip()
        yield from (" " * indent + line for line in rest)


def _format_details(name: str, method: Mapping[str, object]) -> Iterator[str]:
    yield f"{name}: {make_printable(method.get('summary', ''))}"
    if paper := method.get("paper"):
        yield f"  paper: {make_printable(paper)}"
    parameters = method.get("parameters")
    for parameter, schema in parameters.items() if isinstance(parameters, dict) else ():
        yield f"  {make_printable(parameter, 60)}: {_describe_schema(schema)}"


def _describe_schema(schema: object) -> str:
    if not isinstance(schema, dict):
        return ""
    parts = [_describe_type(schema)]
    if "default" in schema:
        parts.append(f"default {json.dumps(schema['default'])}")
    return make_printable("; ".join([", ".join(filter(None, parts)), *filter(None, [schema.get("description")])]))


def _describe_type(schema: object) -> str:
    if not isinstance(schema, dict):
        return ""
    if isinstance(kinds := schema.get("anyOf"), list):
        return " or ".join(filter(None, map(_describe_type, kinds)))
    if isinstance(choices := schema.get("enum"), list):
        return "one of " + ", ".join(map(str, choices))
    kind = schema.get("type", schema.get("const", ""))
    return " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind)
