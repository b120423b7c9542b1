import json
from pathlib import Path

import numpy as np
import pytest
from captum_client.errors import QueryError
from captum_client.inputs.dataset_images import CLASS_NAMES, read_test_image
from captum_client.inputs.image import InputImage
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[3]


def lit_column(image: InputImage) -> int:
    return int(image.pixels[0].argmax())


def test_image_of_the_test_set(test_set: Path) -> None:
    image = read_test_image("fashion-mnist", 13, None)
    assert image.pixels.shape == (28, 28)
    assert image.pixels.dtype == np.uint8
    assert lit_column(image) == 13
    assert image.describe() == "test image 13, actual Dress"


def test_instance_is_in_the_models_units() -> None:
    image = InputImage(np.arange(28 * 28, dtype=np.uint8).reshape(28, 28), "x")
    np.testing.assert_array_equal(np.array(image.to_instance()) * 255, image.pixels)
    assert type(image.to_instance()[0][0]) is float
    assert image.describe() == "x"


def test_data_dir_wins_over_the_variable_and_that_over_the_cache(
    test_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, column in [("named", 21), ("cache/kserve-captum", 22)]:
        folder = tmp_path / name / "mnist"
        folder.mkdir(parents=True)
        images = np.zeros((1, 28, 28), np.uint8)
        images[0, :, column] = 1
        (folder / "t10k-images-idx3-ubyte").write_bytes(
            np.array([0x803, 1, 28, 28], ">u4").tobytes() + images.tobytes()
        )
    assert lit_column(read_test_image("mnist", 0, tmp_path / "named")) == 21
    assert lit_column(read_test_image("mnist", 0, None)) == 0
    monkeypatch.delenv("KSERVE_CAPTUM_DATA")
    image = read_test_image("mnist", 0, None)
    assert lit_column(image) == 22
    assert image.actual is None  # there is no file of labels


def test_cache_is_in_the_home_folder_by_default(
    test_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KSERVE_CAPTUM_DATA")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".cache").mkdir(parents=True)
    test_set.rename(tmp_path / "home" / ".cache" / "kserve-captum")
    assert lit_column(read_test_image("mnist", 7, None)) == 7


class TestShippedImages:
    @pytest.fixture
    def shipped(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "models" / "fashion-mnist" / "examples"
        folder.mkdir(parents=True)
        for index in range(10):
            Image.new("L", (28, 28), index).save(folder / f"{index}.png")
        (folder / "labels.json").write_text(json.dumps([9, 2, 1, 1, 6, 1, 4, 6, 5, 7]))
        monkeypatch.setattr("captum_client.inputs.dataset_images._MODELS", tmp_path / "models")
        return folder

    def test_stand_in_for_the_test_set(self, shipped: Path) -> None:
        image = read_test_image("fashion-mnist", 4, None)
        assert set(image.pixels.flat) == {4}
        assert image.describe() == "test image 4, actual Shirt"

    def test_do_not_stand_in_for_more(self, shipped: Path) -> None:
        with pytest.raises(QueryError, match="except images 0 to 9"):
            read_test_image("fashion-mnist", 10, None)

    @pytest.mark.parametrize("labels", ["", "[1]", "7", "{}"])
    def test_broken_labels(self, shipped: Path, labels: str) -> None:
        (shipped / "labels.json").write_text(labels)
        with pytest.raises(QueryError, match=r"labels\.json is not a list of the ten images' labels"):
            read_test_image("fashion-mnist", 4, None)


@pytest.mark.parametrize("dataset", CLASS_NAMES)
def test_class_names_are_those_of_the_shipped_models(dataset: str) -> None:
    assert json.loads((REPOSITORY / "models" / dataset / "model.json").read_text())["labels"] == CLASS_NAMES[dataset]


@pytest.mark.parametrize("dataset", CLASS_NAMES)
def test_repository_ships_the_first_ten(dataset: str) -> None:
    for index in range(10):
        image = read_test_image(dataset, index, None)
        assert image.pixels.max() > 200
        assert image.actual in CLASS_NAMES[dataset]
