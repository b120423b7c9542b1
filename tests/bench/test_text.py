"""`text`, with a tiny network: all ways explain the same, so that times compare."""

from pathlib import Path

import pytest
from transformers import AutoConfig, AutoTokenizer

from bench.harness.run import Options, Run
from bench.text import Size, make_rows, measure_size, save_model

TINY = Size(layers=2, width=32, heads=4, vocabulary=700, tokens=16)


def test_all_ways_explain_the_same_and_are_measured(tmp_path: Path) -> None:
    found = measure_size(Run("text", 2, Options()), tmp_path, TINY, n_steps=12)
    assert found.difference < 1e-5
    assert list(found.seconds) == ["bare", "bare, 10 steps a pass", "served"]
    for seconds in found.seconds.values():
        assert len(seconds) == 2
        assert min(seconds) > 0
    rows = make_rows(found)
    assert [row["way"] for row in rows] == list(found.seconds)
    assert rows[-1]["served_by_this"] == 1
    assert rows[-1]["peak_mib"] == found.memory["predictor"][1] + found.memory["explainer"][1]
    assert rows[0]["peak_mib"] == found.memory["bare"][1]
    assert list(found.memory) == ["predictor", "explainer", "bare", "bare, 10 steps a pass"]
    for idle, peak in found.memory.values():
        assert 50 < idle <= peak


@pytest.mark.parametrize("tokens", [16, 33])
def test_the_text_has_exactly_so_many_tokens(tmp_path: Path, tokens: int) -> None:
    size = Size(layers=1, width=8, heads=2, vocabulary=700, tokens=tokens)
    text = save_model(tmp_path, size)
    ids = AutoTokenizer.from_pretrained(tmp_path)(text, truncation=False)["input_ids"]
    assert len(ids) == tokens
    assert len(set(ids)) > tokens // 2


def test_the_default_size_is_bert_bases() -> None:
    defaults = AutoConfig.for_model("bert")
    size = Size()
    expected = (defaults.num_hidden_layers, defaults.hidden_size, defaults.num_attention_heads, defaults.vocab_size)
    assert (size.layers, size.width, size.heads, size.vocabulary) == expected
    assert defaults.intermediate_size == 4 * size.width
