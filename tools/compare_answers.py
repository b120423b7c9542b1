"""Compares the answers of two checkouts' servers: python -m tools.compare_answers OTHER_CHECKOUT.

Run it before a change lands that must not change an answer: OTHER_CHECKOUT is the state before it. One virtual
environment serves both checkouts. Answers must be equal byte for byte. Errors must have the same status; their
sentences are reported apart, and may differ with --sentences-may-differ.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # `python tools/compare_answers.py` has only tools/ there

from tools.answer_differences import Answer, Difference, find_difference  # noqa: E402
from tools.checkout_servers import EXPLAINER, NotReady, check_checkout, run_servers  # noqa: E402
from tools.compared_requests import PICTURES, TEXTS, Asked, Methods, list_requests  # noqa: E402

TIMEOUT = 330


@dataclass
class Report:
    """What was compared, by kind, and what differed."""

    compared: Counter[str] = field(default_factory=Counter)
    found: list[tuple[Asked, Difference]] = field(default_factory=list)

    def add(self, asked: Asked, here: Answer, other: Answer) -> None:
        """Compare two answers to a request.

        A good request that both refuse compares nothing, as does a mistake that both accept: that is a difference too.
        """
        self.compared[asked.kind] += 1
        difference = find_difference(here, other)
        as_expected = 400 <= here.status < 500 if asked.refused else here.good
        if difference is None and not as_expected:
            expected = "refused" if asked.refused else "answered"
            difference = Difference(f"expected to be {expected}; both say {here.status}: {here.body[:150]!r}")
        if difference is not None:
            self.found.append((asked, difference))

    def fails(self, sentences_may_differ: bool, may_differ: list[str]) -> bool:
        """Whether something differs that may not."""
        return any(
            not (difference.only_sentence and sentences_may_differ) and asked.kind not in may_differ
            for asked, difference in self.found
        )

    def __str__(self) -> str:
        """The differences, and a table of the kinds."""
        differ = Counter(asked.kind for asked, difference in self.found if not difference.only_sentence)
        sentences = Counter(asked.kind for asked, difference in self.found if difference.only_sentence)
        lines = [f"{asked}\n    " + difference.text.replace("\n", "\n    ") for asked, difference in self.found]
        lines.append(f"{'kind':<18} {'compared':>8} {'differ':>7} {'sentences differ':>17}")
        for kind, count in sorted(self.compared.items()):
            lines.append(f"{kind:<18} {count:>8} {differ[kind]:>7} {sentences[kind]:>17}")
        lines.append(f"{'all':<18} {self.compared.total():>8} {differ.total():>7} {sentences.total():>17}")
        return "\n".join(lines)


def main() -> int:
    """Compare this checkout's answers with another's.

    Returns:
        0 where they are equal, 1 where they differ, 2 where a server did not start.
    """
    parser = argparse.ArgumentParser(prog="compare_answers", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("other", type=Path, metavar="OTHER_CHECKOUT")
    parser.add_argument("--sentences-may-differ", action="store_true", help="an error's sentence is no failure")
    parser.add_argument(
        "--may-differ", action="append", default=[], metavar="KIND", help="a kind of the table that may differ"
    )
    parser.add_argument("--model", action="append", choices=(*PICTURES, *TEXTS), help="only this one; may be repeated")
    flags = parser.parse_args()
    report, begin = Report(), time.monotonic()
    checkouts = (ROOT, flags.other.resolve())
    try:
        for checkout in checkouts:
            check_checkout(checkout)
        for model in flags.model or (*PICTURES, *TEXTS):
            compare_model(model, checkouts, report)
    except NotReady as error:
        print(error, file=sys.stderr)
        return 2
    print(report)
    print(f"{time.monotonic() - begin:.0f} s")
    return int(report.fails(flags.sentences_may_differ, flags.may_differ))


def compare_model(model: str, checkouts: tuple[Path, Path], report: Report) -> None:
    """Ask both checkouts' servers of a model the same requests in the same order, and compare the answers.

    Raises:
        NotReady: A server did not start.
    """
    with tempfile.TemporaryDirectory(prefix="compare-answers-") as folder, ThreadPoolExecutor(2) as both:
        logs = [Path(folder, side) for side in ("here", "other")]
        for log in logs:
            log.mkdir()
        with run_servers(checkouts[0], model, logs[0]) as here, run_servers(checkouts[1], model, logs[1]) as other:
            # The other's: a method that this checkout has lost must show.
            asked = list(list_requests(model, read_methods(f"{other[EXPLAINER]}/v1/models/{model}:explain")))
            answers = both.map(ask_all, (here, other), (asked, asked))
            for request, *pair in zip(asked, *answers, strict=True):
                report.add(request, *pair)


def read_methods(url: str) -> Methods:
    """The methods of an explainer's catalogue, each with its parameters."""
    catalogue = requests.get(url, timeout=TIMEOUT).json()
    return {method["name"]: method["parameters"] for method in catalogue["methods"]}


def ask_all(urls: Mapping[str, str], asked: list[Asked]) -> list[Answer]:
    """One checkout's answers, one after the other over a kept-alive connection."""
    with requests.Session() as session:
        return [ask(session, urls[one.server], one) for one in asked]


def ask(session: requests.Session, url: str, asked: Asked) -> Answer:
    """The answer to a request; of no response the status is 0 and the body what went wrong."""
    try:
        reply = session.request(asked.verb, url + asked.path, data=asked.body, headers=asked.headers, timeout=TIMEOUT)
    except requests.RequestException as error:
        return Answer(0, {}, type(error).__name__.encode())
    return Answer(reply.status_code, {name.lower(): value for name, value in reply.headers.items()}, reply.content)


if __name__ == "__main__":
    sys.exit(main())
