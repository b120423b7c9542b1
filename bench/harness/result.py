"""A measurement's result: one schema for all, as JSON in a file and as a Markdown table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

Value = str | int | float | None
# Names have their unit in them: `p50_ms`.
Row = dict[str, Value]

# More would be noise.
DIGITS = 4


@dataclass(frozen=True)
class Result:
    """What a measurement found.

    Attributes:
        name: The measurement's.
        when: The day, as YYYY-MM-DD.
        machine: Processor, CPUs and load.
        versions: By package.
        rounds: How many times everything was measured; with few the rows are only an example.
        rows: All rows have the same names.
    """

    name: str
    when: str
    machine: str
    versions: Mapping[str, str]
    rounds: int
    rows: Sequence[Row]

    def write(self, path: Path) -> None:
        """Write it as JSON, numbers with four digits."""
        document = asdict(self) | {"rows": [{name: _round(value) for name, value in row.items()} for row in self.rows]}
        path.write_text(json.dumps(document, indent=1) + "\n")


def read_result(path: Path) -> Result:
    """Read what `Result.write` has written."""
    return Result(**json.loads(path.read_text()))


def write_table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table, numbers to the right."""
    names = list(rows[0])
    lines = [[name.replace("_", " ") for name in names]]
    lines += [["---" if isinstance(rows[0][name], str) else "---:" for name in names]]
    lines += [[_show(row[name]) for name in names] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _round(value: Value) -> Value:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _show(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) or abs(value) >= 10**DIGITS else f"{value:.3g}"
