"""`make flags-docs`: writes docs/flags.md from the tables of flags that the servers' parsers are made from."""

import sys
from collections.abc import Sequence

from captum_explainer.server.aix_flags import AIX_FLAGS
from captum_explainer.server.options import FLAGS as EXPLAINER_FLAGS
from captum_predictor.server.options import FLAGS as PREDICTOR_FLAGS
from captum_serving.flags import Flag
from captum_serving.limits import LIMIT_FLAGS

from local.servers import ROOT

PAGE = ROOT / "docs" / "flags.md"
INTRODUCTION = """# Flags and limits

Every flag of ours, with its default. A pod takes them as `args` of its container, or by the chart's `predictor.args`
and `explainer.args`. Both servers take KServe's own flags too; `--help` lists them all. Three of these differ here:
the predictor's `--enable_grpc` is off by default, the predictor stays one process whatever `--workers` says, and the
explainer serves no gRPC.

`make flags-docs` writes this page.
"""
SECTIONS: tuple[tuple[str, Sequence[Flag]], ...] = (
    ("Predictor", PREDICTOR_FLAGS),
    ("Explainer", EXPLAINER_FLAGS),
    ("Explainer, in the place of KServe's AIX explainer", AIX_FLAGS),
    ("Both: what clients may take", LIMIT_FLAGS),
)


def write_page() -> str:
    """Return the page: a table for each section."""
    return INTRODUCTION + "".join(f"\n## {title}\n\n{make_table(flags)}" for title, flags in SECTIONS)


def make_table(flags: Sequence[Flag]) -> str:
    """Make a Markdown table, one row for each flag."""
    rows = [f"| `--{flag.name}` | {write_default(flag)} | {flag.help} |\n" for flag in flags]
    return "| flag | default | what it is |\n| --- | --- | --- |\n" + "".join(rows)


def write_default(flag: Flag) -> str:
    """Write a flag's default as it would be typed; large powers of two are told in words too."""
    value = flag.default
    if value is None or value == {} or flag.read is None:
        return ""
    if isinstance(value, int) and value >= 2**20 and value % 2**20 == 0:
        return f"`{value}` ({value // 2**20} MiB)"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def main() -> int:
    """Write the page."""
    PAGE.write_text(write_page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
