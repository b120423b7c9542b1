"""A text model of BERT-base's size: served layer integrated gradients beside bare ones, interleaved, and the memory.

Bare is `local.bare_text`, a process of its own: transformers' network with torch's default threads, all steps in one
batch, as Captum does it by default. Served is a JSON request to the explainer, which asks the predictor, with their
default flags. The weights are random: they cost what trained ones cost.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import statistics
import string
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import requests
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from local.bench import PAUSE_SECONDS, machine
from local.servers import Pair, running_pair

STEPS = 50
ROUNDS, WARM_UP = 5, 1
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = tuple("".join(letters) for letters in itertools.product(string.ascii_lowercase, repeat=2))
# `VmRSS` is what a process has in memory now, `VmHWM` the most that it has had.
RESIDENT, PEAK = "VmRSS", "VmHWM"


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
    """Seconds of each call; `difference` is the largest of the importances' over the largest importance.

    `memory` is in MiB, by process: when idle before the first call, and at most.
    """

    threads: int
    bare: list[float]
    served: list[float]
    difference: float
    memory: dict[str, tuple[int, int]]


def main() -> None:
    """Print the machine, its load, and a Markdown table each of the times and of the memory."""
    disable_progress_bar()
    load = os.getloadavg()[0]
    with TemporaryDirectory(prefix="kserve-captum-") as folder:
        found = measure(Path(folder), Size())
    print(f"{machine()}; bare: {found.threads} threads; load before: {load:.1f}, after: {os.getloadavg()[0]:.1f}\n")
    print("| tokens | steps | bare p50 | slowest | served p50 | slowest | served / bare |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    seconds = [
        f"{value:.2f} s" for times in (found.bare, found.served) for value in (statistics.median(times), max(times))
    ]
    ratio = statistics.median(found.served) / statistics.median(found.bare)
    print(f"| {Size().tokens} | {STEPS} | {' | '.join(seconds)} | {ratio:.2f} |\n")
    print("| process | memory when idle | at most |\n| --- | ---: | ---: |")
    for process, (idle, peak) in found.memory.items():
        print(f"| {process} | {idle} MiB | {peak} MiB |")
    print(f"\nLargest difference of the importances: {found.difference:.1e} of the largest importance")


def measure(folder: Path, size: Size, n_steps: int = STEPS, rounds: int = ROUNDS, warm_up: int = WARM_UP) -> Measured:
    """Make the model in the folder, and explain one text of it both ways, which take turns.

    Raises:
        NotReady: A server does not get ready.
        HTTPError: The explainer refuses or fails.
    """
    text = save_model(folder / "model", size)
    with (
        running_pair("bert", folder, model_dir=folder / "model") as pair,
        _running_bare(folder / "model") as bare,
        requests.Session() as session,
    ):
        threads = int(_line(bare)["threads"])
        processes = {"predictor": pair.predictor.process.pid, "explainer": pair.explainer.process.pid, "bare": bare.pid}
        idle = {name: _memory(pid, RESIDENT) for name, pid in processes.items()}
        times: tuple[list[float], list[float]] = ([], [])
        for turn in range(warm_up + rounds):
            answers = _bare(bare, text, n_steps), _served(session, pair, text, n_steps)
            for (seconds, _), measured in zip(answers, times, strict=True):
                if turn >= warm_up:
                    measured.append(seconds)
        (_, expected), (_, importances) = answers
        memory = {name: (idle[name], _memory(pid, PEAK)) for name, pid in processes.items()}
    difference = float(np.abs(importances - expected).max() / np.abs(expected).max())
    return Measured(threads, *times, difference, memory)


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
    command = [sys.executable, "-m", "local.bare_text", str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def _line(bare: subprocess.Popen[str]) -> dict[str, Any]:
    assert bare.stdout is not None
    answer: dict[str, Any] = json.loads(bare.stdout.readline())
    return answer


def _bare(bare: subprocess.Popen[str], text: str, n_steps: int) -> tuple[float, np.ndarray]:
    assert bare.stdin is not None
    time.sleep(PAUSE_SECONDS)
    print(json.dumps({"text": text, "n_steps": n_steps}), file=bare.stdin, flush=True)
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


def _memory(pid: int, which: str) -> int:
    found = re.search(rf"^{which}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) // 1024


if __name__ == "__main__":
    main()
