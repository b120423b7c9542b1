import os

import pytest
from captum_predictor.model import atomic_files
from captum_predictor.model.atomic_files import replace_directory, replace_file


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with replace_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert os.listdir(path.parent) == ["a.txt"]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, ValueError])
def test_an_interrupted_file_leaves_the_old_one(tmp_path, interrupt):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_half():
        with replace_file(path) as temporary:
            temporary.write_text("half")
            raise interrupt

    with pytest.raises(interrupt):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_directory_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "model"
    for name in ("first", "second"):
        with replace_directory(path) as folder:
            (folder / name).touch()
    assert os.listdir(path) == ["second"]
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, ValueError])
def test_an_interrupted_directory_leaves_the_old_one(tmp_path, interrupt):
    path = tmp_path / "model"
    path.mkdir()
    (path / "old").touch()

    def write_half():
        with replace_directory(path) as folder:
            (folder / "half").touch()
            raise interrupt

    with pytest.raises(interrupt):
        write_half()
    assert os.listdir(path) == ["old"]
    assert os.listdir(tmp_path) == ["model"]


def test_an_interrupt_between_the_two_renames_brings_the_old_directory_back(tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.mkdir()
    (path / "old").touch()
    rename = os.rename

    def interrupted_on_the_fresh_one(source, target):
        if os.path.basename(source) == "fresh":
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(atomic_files.os, "rename", interrupted_on_the_fresh_one)
    with pytest.raises(KeyboardInterrupt), replace_directory(path):
        pass
    assert os.listdir(path) == ["old"]
    assert os.listdir(tmp_path) == ["model"]
