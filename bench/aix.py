"""AIX's request with 1,000 samples and ten labels: by our explainer, and AIX's way.

AIX's way is the lime package's, which is what AIX's explainer called: it sends the samples to the predictor's
`:predict` ten at a time. Both ask the same predictor, interleaved, and have the same superpixels.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import requests
import torch
from captum_explainer.inputs.superpixels import segment
from lime import lime_image
from numpy.typing import NDArray
from PIL import Image

from bench.harness.figures import percentiles, ratios
from bench.harness.result import Row
from bench.harness.run import Run
from local.servers import MODELS, ROOT, Pair, running, running_pair

FOREST = "aix-explainer"
SAMPLES, LABELS = 1000, 10
ROUNDS, WARM_UP = 10, 2

Pixels = NDArray[np.float64]


def measure(run: Run) -> list[Row]:
    """A row for each predictor: our own two, and the random forest of AIX's example."""
    # The package draws a progress bar, which no server would.
    lime_image.tqdm = lambda rows: rows
    names = (*MODELS, FOREST)
    run.expect(len(names) * (WARM_UP + run.rounds))
    rows: list[Row] = []
    for name in names:
        with _served(name) as pair, requests.Session() as session:
            # The forest, as AIX's own example, takes pixels of -0.5..0.5 in three colours; our predictors grey ones.
            picture = _picture("mnist" if name == FOREST else name) - (0.5 if name == FOREST else 0.0)
            calls = partial(_ours, session, pair, picture), partial(_aix, session, pair, picture, name == FOREST)
            ours, theirs = _interleaved(run, name, *calls)
        times = percentiles("ours", ours, 50, 100, unit="s") | percentiles("aix", theirs, 50, 100, unit="s")
        ratio = ratios([[time] for time in theirs], [[time] for time in ours])
        rows.append({"predictor": name, **times, "aix_by_ours": ratio["ratio"]})
    return rows


@contextmanager
def _served(name: str) -> Iterator[Pair]:
    if name != FOREST:
        with running_pair(name) as pair:
            yield pair
        return
    os.environ["PYTHONPATH"] = str(ROOT / "examples" / "random-forest")
    with TemporaryDirectory() as folder:
        logs, name_flags = Path(folder), ("--model_name", FOREST)
        with running("rfserver", logs / "forest.log", *name_flags) as forest:
            host = ("--predictor_host", forest.url.removeprefix("http://"))
            with running("captum_explainer", logs / "explainer.log", *name_flags, *host) as explainer:
                forest.wait_until_ready()
                explainer.wait_until_ready()
                yield Pair(FOREST, forest, explainer)


def _picture(model: str) -> Pixels:
    grey = np.asarray(Image.open(ROOT / "models" / model / "examples" / "0.png"), dtype=np.float64) / 255
    return np.repeat(grey[..., None], 3, axis=-1)


def _interleaved(run: Run, name: str, *calls: Callable[[], object]) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(WARM_UP + run.rounds):
        with run.step(name):
            for call, measured in zip(calls, times, strict=True):
                start = time.perf_counter()
                call()
                if turn >= WARM_UP:
                    measured.append(time.perf_counter() - start)
    return times


def _ours(session: requests.Session, pair: Pair, picture: Pixels) -> object:
    body = {"instances": [picture.tolist()], "num_samples": str(SAMPLES), "top_labels": str(LABELS)}
    answer = session.post(pair.explain_url, json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()


def _aix(session: requests.Session, pair: Pair, picture: Pixels, coloured: bool) -> object:
    plane = segment(torch.from_numpy(picture.astype(np.float32)), "quickshift", 30, None)[0, ..., 0].numpy()

    def scores(rows: Pixels) -> Pixels:
        instances = (rows if coloured else rows[..., 0]).tolist()
        url = f"{pair.predictor.url}/v1/models/{pair.name}:predict"
        answer = session.post(url, json={"instances": instances}, timeout=60)
        return np.array(answer.json()["predictions"])

    explained = lime_image.LimeImageExplainer(random_state=0).explain_instance(
        picture, scores, top_labels=LABELS, hide_color=0, num_samples=SAMPLES, segmentation_fn=lambda _: plane
    )
    return [
        explained.get_image_and_mask(label, num_features=10, hide_rest=False, min_weight=0.01)
        for label in explained.top_labels
    ]
