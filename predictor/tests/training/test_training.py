import gzip
import hashlib
import json
import os
import re
import shlex
import signal
import struct
import subprocess
import sys
import textwrap
from functools import partial

import numpy as np
import pytest
import torch
from captum_predictor.model.directory import load_model
from captum_predictor.training import __main__ as program
from captum_predictor.training.data_sets import DATA_SETS, Split
from captum_predictor.training.images import Settings, evaluate, to_inputs, train
from captum_predictor.training.loop import find_best_epoch
from PIL import Image
from torch import nn


@pytest.fixture(autouse=True)
def one_thread():
    """Undo what the command sets; and two threads that compete for a busy core are slow."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def halves(rows, seed=0):
    """Give images that are bright in the upper or in the lower half: two classes that a network can learn."""
    random = np.random.default_rng(seed)
    classes = random.integers(0, 2, rows)
    images = random.integers(0, 100, (rows, 1, 28, 28), np.uint8)
    images[classes == 0, :, :14] += 100
    images[classes == 1, :, 14:] += 100
    return Split(torch.from_numpy(images), torch.from_numpy(classes))


def small_network():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))


def fit(seed=0, **settings):
    settings = Settings(**{"epochs": 3, "seed": seed, "validation_rows": 100, **settings})
    return train(small_network, halves(600), settings, lambda _: None)


def test_training_learns():
    network, epochs = fit()
    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    assert epochs[2].training_loss < epochs[0].training_loss / 2
    assert evaluate(network, halves(200, seed=1)).accuracy > 0.95
    assert not network.training


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first, second, other = (fit(seed)[0].state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["1.weight"], other["1.weight"])


def test_the_epoch_of_least_validation_loss_is_kept():
    # Classes by chance: what is learnt of them is wrong on the images that are held out.
    classes = torch.randint(2, (600,), generator=torch.Generator().manual_seed(1))
    data = Split(halves(600).images, classes)
    network, epochs = train(small_network, data, Settings(6, 0, validation_rows=100), lambda _: None)
    losses = [epoch.validation_loss for epoch in epochs]
    assert find_best_epoch(epochs).validation_loss == min(losses) < losses[-1]
    held_out = torch.randperm(600, generator=torch.Generator().manual_seed(0))[:100]
    loss = evaluate(network, Split(data.images[held_out], classes[held_out])).loss
    assert loss == pytest.approx(min(losses), rel=1e-6)


def test_dropout_acts_in_every_epoch_and_not_in_an_evaluation():
    network = small_network()
    modes = []
    network[3].register_forward_pre_hook(lambda module, _: modes.append(module.training))
    train(lambda: network, halves(164), Settings(2, 0, validation_rows=100), lambda _: None)
    assert modes == [True, False] * 2


def test_every_epoch_is_reported_as_it_ends():
    seen = []
    _, epochs = train(small_network, halves(600), Settings(2, 0, validation_rows=100), seen.append)
    assert seen == epochs


def test_an_evaluation_is_the_cross_entropy_and_the_share_of_right_answers():
    network = small_network()
    data = halves(300)
    result = evaluate(network, data)
    logits = network(data.images / 255).detach().double().numpy()
    log_sums = np.log(np.exp(logits).sum(axis=1))
    classes = data.classes.numpy()
    assert result.loss == pytest.approx((log_sums - logits[np.arange(300), classes]).mean(), rel=1e-5)
    assert result.accuracy == (logits.argmax(axis=1) == classes).mean()


def test_inputs_are_in_zero_to_one():
    inputs = to_inputs(torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(1, 1, 1, 3))
    torch.testing.assert_close(inputs.flatten(), torch.tensor([0.0, 0.2, 1.0]))
    assert inputs.dtype == torch.float32


def idx(array):
    array = np.asarray(array, np.uint8)
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def small_data(tmp_path, monkeypatch):
    """A small stand-in for MNIST, two classes; also checked by its MD5."""
    folder = tmp_path / "data"
    (folder / "mnist").mkdir(parents=True)
    for part, rows in (("train", 148), ("t10k", 40)):
        data = halves(rows)
        for name, array in (("images-idx3", data.images[:, 0]), ("labels-idx1", data.classes)):
            content = idx(array)
            (folder / "mnist" / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(content, 1))
            md5 = hashlib.md5(content).hexdigest()
            monkeypatch.setitem(DATA_SETS["mnist"].md5, f"{part}-{name}-ubyte", md5)
    monkeypatch.setattr(program, "Settings", partial(Settings, validation_rows=20))
    return folder


def run(data_dir, output):
    options = ["--epochs", "1", "--seed", "5", "--threads", "1", "--data-dir", str(data_dir), "--output", str(output)]
    program.main(["mnist", *options])


def test_the_command_writes_a_whole_model_directory_in_the_place_of_the_old_one(small_data, tmp_path, capsys):
    output = tmp_path / "models" / "mnist"
    output.mkdir(parents=True)
    (output / "stale").touch()
    run(small_data, output)
    assert sorted(os.listdir(output)) == sorted(
        ["README.md", "confusion-matrix.png", "examples", "model.json", "model.safetensors", "training-report.txt"]
    )
    assert os.listdir(output.parent) == ["mnist"]
    check_card(output, small_data)
    check_examples(output)
    printed = capsys.readouterr().out
    report = (output / "training-report.txt").read_text()
    assert report in printed
    assert re.search(r"^epoch  1  training loss \d\.\d{4}  validation loss \d\.\d{4}  validation acc", report)
    assert re.search(r"precision +recall +f1-score +support", report)


def check_card(output, data_dir):
    model, card = load_model(output), (output / "README.md").read_text()
    test = evaluate(nn.Sequential(*(stage.module for stage in model.stages)), halves(40))
    assert f"| Digest | `{model.digest}` |" in card
    assert f"| Accuracy on the test set | {test.accuracy:.4f} of 40 images |" in card
    assert "| Seed | 5 |" in card
    assert f"torch {torch.__version__}" in card
    assert str(data_dir) not in card
    command = shlex.split(re.search(r"```bash\npython -m captum_predictor.training (.*)\n", card)[1])
    options = program._parse(command)
    assert (options.model, options.epochs, options.seed, options.output) == ("mnist", 1, 5, output)


def check_examples(output):
    data = halves(40)
    assert json.loads((output / "examples" / "labels.json").read_text()) == data.classes[:10].tolist()
    for index in range(10):
        with Image.open(output / "examples" / f"{index}.png") as picture:
            np.testing.assert_array_equal(np.asarray(picture), data.images[index, 0])


@pytest.mark.parametrize("where", ["write_examples", "load_model", "save_model", "train"])
def test_interrupted_anywhere_it_leaves_the_old_model(small_data, tmp_path, monkeypatch, capsys, where):
    output = tmp_path / "models" / "mnist"
    output.mkdir(parents=True)
    (output / "old").touch()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, where, interrupt)
    with pytest.raises(SystemExit, match="130"):
        run(small_data, output)
    assert os.listdir(output.parent) == ["mnist"]
    assert os.listdir(output) == ["old"]
    assert capsys.readouterr().err.endswith(f"interrupted: {output} is as it was\n")


TERMINATED = """
    import functools, runpy, sys
    from captum_predictor.training import images
    from captum_predictor.training.data_sets import DATA_SETS
    images.Settings = functools.partial(images.Settings, validation_rows=20)
    DATA_SETS["mnist"].md5.update({md5})
    sys.argv = ["train", "mnist", "--epochs", "5000", "--threads", "1", "--data-dir", {data!r}, "--output", {output!r}]
    runpy.run_module("captum_predictor.training", run_name="__main__")
"""


def test_a_kill_ends_it_without_a_traceback(small_data, tmp_path):
    output = tmp_path / "models" / "mnist"
    script = TERMINATED.format(md5=dict(DATA_SETS["mnist"].md5), data=str(small_data), output=str(output))
    command = [sys.executable, "-u", "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("epoch  1  training loss")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert errors.endswith(f"interrupted: {output} is as it was\n")
    assert not output.exists()


def test_a_kill_while_an_object_is_finalized_ends_it_too(small_data, tmp_path):
    finalized = """
        import os, signal
        from captum_predictor.training import report

        class Finalized:
            def __del__(self):
                os.kill(os.getpid(), signal.SIGTERM)

        def describe_epoch(epoch, describe=report.describe_epoch):
            if epoch.number == 1:
                Finalized()
            return describe(epoch)

        report.describe_epoch = describe_epoch
    """
    output = tmp_path / "models" / "mnist"
    training = TERMINATED.format(md5=dict(DATA_SETS["mnist"].md5), data=str(small_data), output=str(output))
    script = textwrap.dedent(finalized) + textwrap.dedent(training)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "Exception ignored in: <function Finalized.__del__" in done.stderr
    assert done.returncode == 130
    assert done.stderr.endswith(f"interrupted: {output} is as it was\n")
    assert not output.exists()


def test_data_that_cannot_be_had_is_a_sentence(small_data, tmp_path):
    (small_data / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"no archive")
    with pytest.raises(SystemExit, match=r"^error: .*t10k-labels-idx1-ubyte\.gz cannot be read"):
        run(small_data, tmp_path / "out")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: model"),
        (["cifar"], "invalid choice: 'cifar' (choose from 'mnist', 'fashion-mnist')"),
        (["mnist", "--epochs", "0"], "argument --epochs: got 0, expected 1 or more"),
        (["mnist", "--epochs", "many"], "invalid"),
    ],
)
def test_a_wrong_argument_is_a_sentence(arguments, sentence, capsys):
    with pytest.raises(SystemExit, match="2"):
        program.main(arguments)
    assert sentence in capsys.readouterr().err


def test_the_output_is_the_models_own_folder_by_default():
    assert str(program._parse(["fashion-mnist"]).output) == os.path.join("models", "fashion-mnist")
