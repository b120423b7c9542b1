"""A text model of BERT-base's size: served layer integrated gradients beside bare ones, interleaved, and the memory.

Bare is `harness.bare_text`, a process of its own: transformers' network with torch's default threads, once with all
steps in one batch, as Captum does it by default, and once with ten. Served is a JSON request to the explainer, which
asks the predictor, with their default flags. The weights are random: they cost what trained ones cost.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import statistics
import string
import subprocess
import sys
import time
from collections.abc import Iterator
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

from bench.harness.processes import PEAK, RESIDENT
from bench.harness.processes import memory as memory_of
from bench.images import PAUSE_SECONDS, machine
from local.servers import Pair, running_pair

STEPS = 50
ROUNDS, WARM_UP = 5, 1
SERVED = "served"
# Captum's `internal_batch_size`; None is its default: all steps in one batch.
BARE = {"bare": None, "bare, 10 steps a pass": 10}
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
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
        threads: Bare's.
        seconds: Of each call, by the way that explained.
        difference: The largest of the importances' from the first way's, over the largest importance.
        memory: In MiB, by process: when idle before the first call, and at most.
    """

    threads: int
    seconds: dict[str, list[float]]
    difference: float
    memory: dict[str, tuple[int, int]]


def main() -> None:
    """Print the machine, its load, and a Markdown table each of the times and of the memory."""
    disable_progress_bar()
    load = os.getloadavg()[0]
    with TemporaryDirectory(prefix="kserve-captum-") as folder:
        found = measure(Path(folder), Size())
    print(f"{machine()}; bare: {found.threads} threads; load before: {load:.1f}, after: {os.getloadavg()[0]:.1f}\n")
    print(f"| {Size().tokens} tokens, {STEPS} steps | p50 | slowest | served / this |\n| --- | ---: | ---: | ---: |")
    served = statistics.median(found.seconds[SERVED])
    for way, seconds in found.seconds.items():
        p50 = statistics.median(seconds)
        print(f"| {way} | {p50:.2f} s | {max(seconds):.2f} s | {served / p50:.2f} |")
    print("\n| process | memory when idle | at most |\n| --- | ---: | ---: |")
    for process, (idle, peak) in found.memory.items():
        print(f"| {process} | {idle} MiB | {peak} MiB |")
    print(f"\nLargest difference of the importances: {found.difference:.1e} of the largest importance")


def measure(folder: Path, size: Size, n_steps: int = STEPS, rounds: int = ROUNDS, warm_up: int = WARM_UP) -> Measured:
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
        threads = [int(_line(process)["threads"]) for process in bare.values()]
        servers = {"predictor": pair.predictor.process.pid, "explainer": pair.explainer.process.pid}
        processes = servers | {way: process.pid for way, process in bare.items()}
        idle = {name: memory_of(pid, RESIDENT) for name, pid in processes.items()}
        rows = [[call() for call in calls.values()] for _ in range(warm_up + rounds)]
        memory = {name: (idle[name], memory_of(pid, PEAK)) for name, pid in processes.items()}
    seconds = {way: [row[i][0] for row in rows[warm_up:]] for i, way in enumerate(calls)}
    expected, *others = (importances for _, importances in rows[-1])
    difference = max(float(np.abs(other - expected).max()) for other in others) / float(np.abs(expected).max())
    return Measured(threads[0], seconds, difference, memory)


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


def _bare(
    bare: subprocess.Popen[str], text: str, n_steps: int, internal_batch_size: int | None
) -> tuple[float, np.ndarray]:
    assert bare.stdin is not None
    asked = {"text": text, "n_steps": n_steps, "internal_batch_size": internal_batch_size}
    time.sleep(PAUSE_SECONDS)
    print(json.dumps(asked), file=bare.stdin, flush=True)
    answer = _line(bare)
    return answer["seconds"], np.array(answer["importances"])


def _served(session: requests.Session, pair: Pair, text: str, n_steps: int) -> tuple[float, np.ndarray]:
    parameters = {"method": "layer_integrated_gradients", "n_steps": n_steps}
    time.sleep(PAUSE_SECONDS)
    started = time.perf_counter()
    answer = session.post(pair.explain_url, json={"instances": [{"text": text}], "parameters": parameters}, timeout=600)
    answer.raise_for_status()
    (explanation,) = answer.json()["explanations"]
    return time.perf_counter() - started, np.array(explanation["importances"])


if __name__ == "__main__":
    main()
