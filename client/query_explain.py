"""Asks a kserve-captum explainer for explanations and shows them; see --help."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

try:
    from captum_client.errors import QueryError
    from captum_client.http.explainer import Explainer
    from captum_client.query.arguments import parse_arguments
    from captum_client.query.images import explain_images
    from captum_client.query.methods import list_methods
    from captum_client.query.output_file import require_folder
    from captum_client.query.query import Query
    from captum_client.query.texts import explain_texts
except ModuleNotFoundError as missing:
    requirements = Path(__file__).resolve().parent / "requirements.txt"
    sys.exit(f"error: {missing.name} is not installed.\nhint: python -m pip install -r {requirements}")

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (default: the process's arguments) and return its exit code."""
    query = parse_arguments(argv)
    try:
        _run(query)
    except QueryError as error:
        print(f"error: {error.sentence}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _run(query: Query) -> None:
    with Explainer(query.url, query.host, query.headers, query.timeout) as explainer:
        if query.list_methods:
            list_methods(explainer, query)
            return
        if query.output:
            require_folder(query.output)
        if query.texts:
            explain_texts(explainer, query)
        else:
            explain_images(explainer, query)


def _run_as_script() -> int:
    for stream in (sys.stdout, sys.stderr):
        # The terminal's encoding may lack characters of a label.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # the process's streams are TextIOWrapper
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader closed the pipe, as `head` does; without this, Python complains at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


if __name__ == "__main__":
    sys.exit(_run_as_script())
