"""A text and a model of BERT-base's size: served beside Captum in one process, and the memory.

Bare is `harness.bare_text`, a process of its own: transformers' network with torch's default threads, once with all
steps in one batch, as Captum does it by default, and once with ten. Served is a JSON request to the explainer, which
asks the predictor, with their default flags. The weights are random: they cost what trained ones cost.
"""

import itertools
import json
import random
import statistics
import string
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import requests
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from bench.harness.figures import percentiles
from bench.harness.processes import PEAK, RESIDENT
from bench.harness.processes import memory as memory_of
from bench.harness.result import Row
from bench.harness.run import Run
from local.servers import Pair, running_pair

STEPS = 50
ROUNDS, WARM_UP = 5, 1
# Before each call, so that nothing of the one before is left.
PAUSE_SECONDS = 0.2
SERVED = "served"
# Captum's `internal_batch_size`; None is its default: all steps in one batch.
BARE = {"bare": None, "bare, 10 steps a pass": 10}
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# The seconds that it took, and the importances.
Explained = tuple[float, np.ndarray]
WORDS = tuple("".join(letters) for letters in itertools.product(string.ascii_lowercase, repeat=2))


@dataclass(frozen=True)
class Size:
    """A network's size, and the text's in tokens, the special ones too."""

    layers: int = 12
    width: int = 768
    heads: int = 12
    vocabulary: int = 30522
    tokens: int = 128


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        seconds: Of each call, by the way that explained.
        difference: The largest of the importances' from the first way's, over the largest importance.
        memory: In MiB, by process: when idle before the first call, and at most.
    """

    seconds: dict[str, list[float]]
    difference: float
    memory: dict[str, tuple[int, int]]


def measure(run: Run) -> list[Row]:
    """A row for each way; its memory is that of all its processes."""
    disable_progress_bar()
    with TemporaryDirectory(prefix="kserve-captum-") as folder:
        return make_rows(measure_size(run, Path(folder), Size()))


def make_rows(found: Measured) -> list[Row]:
    """The rows of what was measured."""
    served = statistics.median(found.seconds[SERVED])
    rows: list[Row] = []
    for way, seconds in found.seconds.items():
        processes = [found.memory[name] for name in (found.memory.keys() - BARE if way == SERVED else [way])]
        idle, peak = (sum(values) for values in zip(*processes, strict=True))
        times = percentiles("explanation", seconds, 50, 100, unit="s")
        ratio = {"served_by_this": served / statistics.median(seconds)}
        memory = {"idle_mib": idle, "peak_mib": peak}
        rows.append({"way": way, **times, **ratio, **memory, "largest_difference": found.difference})
    return rows


def measure_size(run: Run, folder: Path, size: Size, n_steps: int = STEPS) -> Measured:
    """Make the model in the folder, and explain one text of it by each way; they take turns.

    Raises:
        NotReady: A server does not get ready.
        HTTPError: The explainer refuses or fails.
    """
    directory = folder / "model"
    text = save_model(directory, size)
    with ExitStack() as stack:
        bare = {way: stack.enter_context(_running_bare(directory)) for way in BARE}
        pair = stack.enter_context(running_pair("bert", folder, model_dir=directory))
        session = stack.enter_context(requests.Session())
        calls = {way: partial(_bare, process, text, n_steps, BARE[way]) for way, process in bare.items()}
        calls[SERVED] = partial(_served, session, pair, text, n_steps)
        for process in bare.values():
            _line(process)  # it has loaded the model
        servers = {"predictor": pair.predictor.process.pid, "explainer": pair.explainer.process.pid}
        processes = servers | {way: process.pid for way, process in bare.items()}
        idle = {name: memory_of(pid, RESIDENT) for name, pid in processes.items()}
        run.expect((WARM_UP + run.rounds) * len(calls))
        rows = [[_step(run, way, call) for way, call in calls.items()] for _ in range(WARM_UP + run.rounds)]
        memory = {name: (idle[name], memory_of(pid, PEAK)) for name, pid in processes.items()}
    seconds = {way: [row[i][0] for row in rows[WARM_UP:]] for i, way in enumerate(calls)}
    expected, *others = (importances for _, importances in rows[-1])
    difference = max(float(np.abs(other - expected).max()) for other in others) / float(np.abs(expected).max())
    return Measured(seconds, difference, memory)


def _step(run: Run, way: str, call: Callable[[], Explained]) -> Explained:
    with run.step(way):
        return call()


def save_model(directory: Path, size: Size) -> str:
    """Write a BERT of random weights with a WordPiece tokenizer; returns a text of exactly `size.tokens` tokens."""
    named = {token: index for index, token in enumerate((*SPECIAL, *WORDS))}
    tokenizer = Tokenizer(models.WordPiece(named, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", named["[SEP]"]), ("[CLS]", named["[CLS]"]))
    roles = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=size.tokens, **roles).save_pretrained(
        directory
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=4 * size.width,
    )
    BertForSequenceClassification(config).save_pretrained(directory)
    return " ".join(random.Random(0).choices(WORDS, k=size.tokens - 2))


@contextmanager
def _running_bare(directory: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "bench.harness.bare_text", str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def _line(bare: subprocess.Popen[str]) -> dict[str, Any]:
    assert bare.stdout is not None
    answer: dict[str, Any] = json.loads(bare.stdout.readline())
    return answer


def _bare(bare: subprocess.Popen[str], text: str, n_steps: int, internal_batch_size: int | None) -> Explained:
    assert bare.stdin is not None
    asked = {"text": text, "n_steps": n_steps, "internal_batch_size": internal_batch_size}
    time.sleep(PAUSE_SECONDS)
    print(json.dumps(asked), file=bare.stdin, flush=True)
    answer = _line(bare)
    return answer["seconds"], np.array(answer["importances"])


def _served(session: requests.Session, pair: Pair, text: str, n_steps: int) -> Explained:
    parameters = {"method": "layer_integrated_gradients", "n_steps": n_steps}
    time.sleep(PAUSE_SECONDS)
    started = time.perf_counter()
    answer = session.post(pair.explain_url, json={"instances": [{"text": text}], "parameters": parameters}, timeout=600)
    answer.raise_for_status()
    (explanation,) = answer.json()["explanations"]
    return time.perf_counter() - started, np.array(explanation["importances"])
