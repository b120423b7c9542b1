import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from captum_predictor.model.directory import load_model
from captum_predictor.training.data_sets import DATA_SETS, DataSetError, read_split
from captum_predictor.training.images import evaluate
from PIL import Image
from torch import nn

MODELS = Path(__file__).parents[3] / "models"
LEAST_ACCURACY = {"mnist": 0.988, "fashion-mnist": 0.895}
MOST_BYTES = 2_500_000

pytestmark = pytest.mark.parametrize("name", LEAST_ACCURACY)


def whole(model):
    return nn.Sequential(*(stage.module for stage in model.stages))


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def card_figure(name, row):
    return re.search(rf"^\| {row} \| `?([\w.]+)", (MODELS / name / "README.md").read_text(), re.MULTILINE)[1]


def test_the_card_names_the_models_digest(name):
    assert card_figure(name, "Digest") == load_model(MODELS / name).digest


def test_make_train_runs_the_cards_command(name):
    command = re.search(r"```bash\npython (.*)\n```", (MODELS / name / "README.md").read_text())[1]
    assert f"\t$(RUN) {command}\n" in (MODELS.parent / "Makefile").read_text()


def test_the_labels_are_the_data_sets(name):
    assert load_model(MODELS / name).description.labels == DATA_SETS[name].labels


def test_the_whole_test_set_confirms_the_card(name):
    try:
        test_set = read_split(DATA_SETS[name], "t10k", may_download=False)
    except DataSetError as error:
        pytest.skip(str(error))
    accuracy = evaluate(whole(load_model(MODELS / name)), test_set).accuracy
    assert accuracy >= LEAST_ACCURACY[name]
    # Another processor may round a handful of images to the other side.
    assert accuracy == pytest.approx(float(card_figure(name, "Accuracy on the test set")), abs=5e-4)


def test_the_report_and_the_card_agree(name):
    report = (MODELS / name / "training-report.txt").read_text()
    assert f"accuracy {card_figure(name, 'Accuracy on the test set')}" in report


def test_the_examples_are_the_first_ten_of_the_test_set(name):
    try:
        test_set = read_split(DATA_SETS[name], "t10k", may_download=False)
    except DataSetError as error:
        pytest.skip(str(error))
    folder = MODELS / name / "examples"
    assert json.loads((folder / "labels.json").read_text()) == test_set.classes[:10].tolist()
    for index in range(10):
        np.testing.assert_array_equal(pixels(folder / f"{index}.png"), test_set.images[index, 0])


def test_most_examples_are_told_right(name):
    folder = MODELS / name / "examples"
    images = np.stack([pixels(folder / f"{index}.png") for index in range(10)])
    predicted = whole(load_model(MODELS / name))(torch.from_numpy(images).unsqueeze(1) / 255).argmax(dim=1)
    classes = torch.tensor(json.loads((folder / "labels.json").read_text()))
    assert (predicted == classes).sum() >= 9


def test_the_directory_is_small_and_whole(name):
    files = [path for path in (MODELS / name).rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"model.json", "model.safetensors", "README.md", "training-report.txt"}
    assert pixels(MODELS / name / "confusion-matrix.png").ndim == 3
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
