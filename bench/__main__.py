"""`python -m bench NAME ...`: measure, show the progress, print each result as a table and write it as JSON."""

import argparse
import ast
import difflib
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from bench.harness.machine import describe_machine, read_versions
from bench.harness.result import Result, write_table
from bench.harness.run import Options, Run
from local.servers import NotReady

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, in this order; without a name, list what there is.

    Returns:
        0, or 1 where a server did not start.
    """
    parser = _make_parser()
    asked = parser.parse_args(arguments)
    _check(parser, asked)
    if not asked.names:
        parser.print_help()
        return 0
    signal.signal(signal.SIGTERM, _end)
    options = Options(asked.other, asked.namespace, asked.url)
    try:
        for name in asked.names:
            _measure(name, asked.rounds, options, asked.output or RESULTS / f"{name}.json")
    except NotReady as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def find_measurements() -> dict[str, str]:
    """What each measurement measures, by its name: the first line of its module, which is not imported for it."""
    paths = sorted(path for path in FOLDER.glob("*.py") if not path.stem.startswith("__"))
    docstrings = {path.stem: ast.get_docstring(ast.parse(path.read_text())) or "" for path in paths}
    return {name: text.partition("\n")[0] for name, text in docstrings.items()}


def _measure(name: str, rounds: int | None, options: Options, output: Path) -> None:
    module = import_module(f"bench.{name}")
    rounds = rounds or module.ROUNDS
    machine, run = describe_machine(), Run(name, rounds, options)
    try:
        rows = module.measure(run)
    finally:
        run.close()
    result = Result(name, datetime.now(UTC).date().isoformat(), machine, read_versions(), rounds, rows)
    result.write(output)
    print(f"\n{machine}\n\n{write_table(rows)}\n\nwritten to {output}", flush=True)
    if hasattr(module, "draw"):
        module.draw(rows, output.with_suffix(".png"))


def _end(number: int, frame: object) -> None:
    """Leave by an exception, so that the servers end too."""
    sys.exit(128 + number)


def _make_parser() -> argparse.ArgumentParser:
    found = find_measurements()
    width = max(map(len, found))
    listed = "\n".join(f"  {name:{width}}  {sentence}" for name, sentence in found.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"Measure, and write the results as JSON. Measurements:\n\n{listed}",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="measurements, which run one after another")
    parser.add_argument("--rounds", type=int, metavar="N", help="measure everything N times (default: each its own)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the JSON file (default: bench/results/NAME.json)")
    parser.add_argument("--other", type=Path, metavar="CHECKOUT", help="compare: the checkout to compare this one with")
    parser.add_argument("--namespace", default=Options.namespace, help="gateway: the InferenceServices' (%(default)s)")
    gateway = f"http://127.0.0.1:{os.environ.get('HOST_PORT', '8080')}"
    parser.add_argument("--url", default=gateway, help="gateway: its address on this machine (%(default)s)")
    return parser


def _check(parser: argparse.ArgumentParser, asked: argparse.Namespace) -> None:
    """Refuse, before anything is measured, what could not be done."""
    known = find_measurements()
    for name in asked.names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            parser.error(f"NAME: {name!r} is not known; {hint}Known: {', '.join(known)}")
    if asked.rounds is not None and asked.rounds < 1:
        parser.error(f"--rounds: got {asked.rounds}, expected at least 1")
    if asked.output and len(asked.names) != 1:
        parser.error(f"--output: got {len(asked.names)} measurements, expected one, whose file it is")
    if "compare" in asked.names and asked.other is None:
        parser.error("compare: expected --other CHECKOUT, the checkout to compare this one with")


if __name__ == "__main__":
    sys.exit(main())
