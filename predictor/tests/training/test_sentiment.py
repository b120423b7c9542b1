import json
import re
from pathlib import Path

import pytest
import torch
from captum_predictor.kinds.load import load_kind
from captum_predictor.training.data_sets import DataSetError
from captum_predictor.training.sentiment.fit import evaluate, train
from captum_predictor.training.sentiment.network import build_network, train_tokenizer
from captum_predictor.training.sentiment.snippets import ARCHIVE, LABELS, Snippet, Snippets, read_snippets

MODEL = Path(__file__).parents[3] / "models" / "sentiment"
CARD = (MODEL / "README.md").read_text()
WORDS = (["bad", "sad", "dull", "awful"], ["good", "glad", "bright", "lovely"])


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def snippets(count):
    """Sentences that one word decides."""
    made = [Snippet(f"a {WORDS[i % 2][i // 2 % 4]} day number {i % 7} of them", i % 2) for i in range(count)]
    return Snippets(made, made[:40], made[:40])


def fitted(seed, epochs):
    data = snippets(640)
    tokenizer = train_tokenizer(snippet.text for snippet in data.training)
    network = build_network(len(tokenizer), seed)
    return network, tokenizer, train(network, tokenizer, data, epochs, seed, lambda _: None)


def test_training_learns():
    network, tokenizer, epochs = fitted(0, epochs=12)
    assert [epoch.number for epoch in epochs] == list(range(1, 13))
    assert epochs[-1].training_loss < epochs[0].training_loss / 2
    assert evaluate(network, tokenizer, snippets(640).test).accuracy == 1
    assert not network.training


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first, second, other = (fitted(seed, epochs=1)[0].state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["classifier.weight"], other["classifier.weight"])


def test_an_archive_of_other_bytes_is_refused(tmp_path):
    (tmp_path / "vader").mkdir()
    (tmp_path / "vader" / ARCHIVE).write_bytes(b"others")
    with pytest.raises(DataSetError, match="holds other bytes than the published ones: SHA-256"):
        read_snippets(0, tmp_path)


def test_the_shipped_model_is_the_cards():
    model = load_kind(MODEL).model
    assert f"| Digest | `{model.digest}` |" in CARD
    assert model.labels == LABELS
    accuracy = re.search(r"Accuracy on the held-out test snippets \| ([\d.]+) of (\d+)", CARD)
    assert f"test set of {accuracy[2]} snippets: " in (MODEL / "training-report.txt").read_text()
    assert f"accuracy {accuracy[1]}" in (MODEL / "training-report.txt").read_text()
    assert float(accuracy[1]) > 0.8


def test_make_train_runs_the_cards_command():
    command = re.search(r"```bash\npython (.*)\n```", CARD)[1]
    assert f"\t$(RUN) {command}\n" in (MODEL.parents[1] / "Makefile").read_text()


def test_the_directory_is_small_and_whole():
    files = [path for path in MODEL.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3_000_000
    names = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"}
    assert {path.name for path in files} >= names


def test_the_examples_are_told_right():
    examples = json.loads((MODEL / "examples" / "texts.json").read_text())
    assert [example["label"] for example in examples] == list(LABELS) * 3
