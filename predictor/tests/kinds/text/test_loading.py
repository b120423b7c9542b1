"""Which directories are text models, and what is said of those that cannot be served."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from captum_predictor.kinds.load import load_kind
from captum_predictor.model.description import ModelDirectoryError
from safetensors.torch import load_file, save_file

from tests.support.tiny_transformers import save_tiny


@pytest.fixture
def directory(tiny_directory, tmp_path):
    """A copy of a tiny BERT that a test may change."""
    return shutil.copytree(tiny_directory("bert", "sequence"), tmp_path / "bert")


def change(path, **values):
    document = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in (document | values).items() if value is not None}))


def change_weights(directory, change):
    weights = load_file(directory / "model.safetensors")
    save_file(change(weights), directory / "model.safetensors", metadata={"format": "pt"})


def error(directory):
    with pytest.raises(ModelDirectoryError) as raised:
        load_kind(directory)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_pickled_weights_are_not_read(directory):
    torch.save(load_file(directory / "model.safetensors"), directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()
    assert "has no model.safetensors, expected the weights as safetensors (pytorch_model.bin is a pickle" in error(
        directory
    )


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"architectures": ["BertForMaskedLM"]},
            "architectures: got ['BertForMaskedLM'], expected one that ends in ForSeq",
        ),
        ({"architectures": None}, "architectures: got None, expected one that ends in"),
        ({"auto_map": {"AutoConfig": "code.Config"}}, "has 'auto_map', expected one of transformers' own networks"),
        ({"quantization_config": {"bits": 4}}, "has 'quantization_config', expected one of transformers' own networks"),
        ({"model_type": "no_such"}, "config.json: model_type: got 'no_such', expected one of albert, bart, bert"),
        ({"model_type": "timm_wrapper"}, "config.json: model_type: got 'timm_wrapper', expected one of albert"),
        ({"model_type": ["bert"]}, "config.json: model_type: got ['bert'], expected one of albert"),
        ({"tokenizer_class": "AutoModel"}, "config.json: tokenizer_class: got 'AutoModel', expected a tokenizer"),
        ({"hidden_size": 64}, "transformers cannot load it"),
        ({"id2label": {"0": "a", "1": "b", "2": "a"}}, "id2label: got a, b, a, expected labels that differ"),
        ({"vocab_size": "many"}, "transformers cannot load it"),
    ],
)
def test_a_configuration_that_does_not_do_gets_a_line(directory, values, sentence):
    change(directory / "config.json", **values)
    assert sentence in error(directory)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"tokenizer_class": "AutoModel"}, "tokenizer_class: got 'AutoModel', expected a tokenizer of transformers"),
        ({"tokenizer_class": {"a": 1}}, "tokenizer_class: got {'a': 1}, expected a tokenizer of transformers"),
        ({"auto_map": {"AutoTokenizer": ["code.Own", None]}}, "has 'auto_map', expected one of transformers' own"),
        ({"gguf_file": "../other/model.gguf"}, "has 'gguf_file', expected one of transformers' own"),
    ],
)
def test_a_tokenizers_configuration_that_names_code_or_files_gets_a_line(directory, values, sentence):
    change(directory / "tokenizer_config.json", **values)
    assert f"tokenizer_config.json: {sentence}" in error(directory)


def test_a_tokenizers_files_are_the_folders_whatever_its_configuration_names(directory, tmp_path):
    before = load_kind(directory).model.tokenizer.tokenize("a dog", None, "text").encoding.tokens
    document = json.loads((directory / "tokenizer.json").read_text())
    document["model"]["vocab"] = {f"other {i}": i for i in range(len(document["model"]["vocab"]))}
    (tmp_path / "other.json").write_text(json.dumps(document))
    names = ("tokenizer_file", "vocab_file", "special_tokens_map_file")
    change(directory / "tokenizer_config.json", **dict.fromkeys(names, str(tmp_path / "other.json")))
    assert load_kind(directory).model.tokenizer.tokenize("a dog", None, "text").encoding.tokens == before


@pytest.mark.parametrize("name", ["../other.safetensors", "/other.safetensors", "pytorch_model.bin", "..", 3, None])
def test_an_index_that_names_other_files_than_the_folders_gets_a_line(directory, name):
    (directory / "model.safetensors").rename(directory.parent / "other.safetensors")
    index = {"metadata": {}, "weight_map": {"classifier.bias": name}}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "index.json: weight_map: got" in error(directory)


def test_weights_in_two_files_are_served(directory):
    weights = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    index = {}
    for i in range(2):
        part = dict(list(weights.items())[i::2])
        save_file(part, directory / f"part{i}.safetensors", metadata={"format": "pt"})
        index |= dict.fromkeys(part, f"part{i}.safetensors")
    (directory / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    assert load_kind(directory).model.stages


def test_an_adapter_gets_a_line(directory):
    (directory / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/elsewhere"}))
    assert "adapter_config.json: names another model, expected a whole model" in error(directory)


def test_a_folder_on_the_import_path_gets_a_line(directory, monkeypatch):
    monkeypatch.syspath_prepend(directory)
    assert "is on Python's import path" in error(directory)


def test_the_hub_is_off_before_its_client_is_imported(directory):
    program = (
        "import sys, captum_predictor.server.serve\n"
        "from pathlib import Path\n"
        "from captum_predictor.kinds.load import load_kind\n"
        "load_kind(Path(sys.argv[1]))\n"
        "print(sys.modules['huggingface_hub.constants'].HF_HUB_OFFLINE)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-c", program, directory]
    assert subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout == "True\n"


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00"])
def test_a_configuration_that_is_no_object_gets_a_line(directory, text):
    (directory / "config.json").write_text(text)
    assert "expected a transformers configuration" in error(directory)


def test_weights_that_lack_the_head_get_a_line(directory):
    change_weights(directory, lambda weights: {n: t for n, t in weights.items() if not n.startswith("classifier")})
    assert "the weights lack classifier.bias, classifier.weight, expected all of a BertForSequence" in error(directory)


def test_weights_that_are_not_finite_get_a_line(directory):
    change_weights(directory, lambda weights: weights | {"classifier.bias": torch.full((3,), torch.nan)})
    assert "classifier.bias: got 3 of 3 values NaN or infinite, expected finite numbers" in error(directory)


def test_weights_that_end_early_get_a_line(directory):
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert "transformers cannot load it" in error(directory)


def test_a_directory_without_a_tokenizer_gets_a_line(directory):
    for path in directory.glob("tokenizer*"):
        path.unlink()
    assert "tokenizer" in error(directory)


def test_a_tokenizer_without_padding_gets_a_line(directory):
    change(directory / "tokenizer_config.json", pad_token=None)
    assert "its tokenizer has no pad_token, expected one" in error(directory)


def test_weights_in_half_precision_are_served_in_float32(directory):
    change_weights(directory, lambda weights: {name: tensor.half() for name, tensor in weights.items()})
    change(directory / "config.json", dtype="float16")
    kind = load_kind(directory)
    assert {parameter.dtype for stage in kind.model.stages for parameter in stage.module.parameters()} == {
        torch.float32
    }


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"])
def test_the_digest_changes_with_every_part(directory, name):
    before = load_kind(directory).model.digest
    assert load_kind(directory).model.digest == before
    if name == "model.safetensors":
        change_weights(directory, lambda weights: weights | {"classifier.bias": torch.ones(3)})
    else:
        path = directory / name
        path.write_text(path.read_text() + "\n")
    assert load_kind(directory).model.digest != before


def test_a_network_of_other_parts_has_embeddings_and_logits_alone(tmp_path):
    from transformers import AlbertConfig, AlbertForSequenceClassification

    save_tiny(tmp_path, "bert", "sequence")
    torch.manual_seed(0)
    sizes = {"embedding_size": 16, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64}
    # ALBERT's layers are one, run again and again.
    network = AlbertForSequenceClassification(AlbertConfig(vocab_size=140, num_hidden_layers=3, **sizes))
    network.save_pretrained(tmp_path)
    model = load_kind(tmp_path).model
    assert [(stage.name, stage.shape) for stage in model.stages] == [("embeddings", (-1, 16)), ("logits", (2,))]


def test_a_network_that_needs_its_ids_gets_a_line(tmp_path):
    from transformers import BartConfig, BartForSequenceClassification

    save_tiny(tmp_path, "bert", "sequence")
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    network = BartForSequenceClassification(BartConfig(vocab_size=140, max_position_embeddings=48, **sizes))
    network.save_pretrained(tmp_path)
    assert "BartForSequenceClassification cannot be run from its embeddings" in error(tmp_path)


def test_an_image_models_start_does_not_import_transformers():
    program = (
        "import captum_predictor.server.serve, sys\n"
        "print([n for n in ('transformers', 'tokenizers') if n in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("problem_type", "labels", "scores"),
    [("multi_label_classification", 3, "sigmoid"), ("regression", 3, "none"), (None, 1, "none"), (None, 3, "softmax")],
)
def test_what_makes_probabilities_is_the_configurations(tmp_path, serve_directory, problem_type, labels, scores):
    save_tiny(tmp_path, "bert", "sequence", problem_type=problem_type, labels=[f"label {i}" for i in range(labels)])
    served = serve_directory(tmp_path)
    assert served.service.describe_model()["probabilities"] == scores
    logits = served.infer(**served.network_inputs("a dog"))[1]["logits"][0]
    (prediction,) = served.predict("a dog")[1]["predictions"]
    if scores == "none":
        assert list(prediction["scores"].values()) == pytest.approx(logits.tolist())
    elif scores == "sigmoid":
        expected = torch.from_numpy(logits.copy()).sigmoid().tolist()
        assert list(prediction["probabilities"].values()) == pytest.approx(expected)
