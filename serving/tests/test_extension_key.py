import argparse

import pytest
from captum_serving.extension_key import check_key_file, read_key


def test_the_key_is_what_the_file_holds_without_the_white_space_around_it(tmp_path):
    (tmp_path / "key").write_text(" 0123456789abcdef\n\n")
    assert read_key(str(tmp_path / "key")) == "0123456789abcdef"
    assert check_key_file(str(tmp_path / "key")) == str(tmp_path / "key")


@pytest.mark.parametrize("content", [b"", b"\n", b"0123456789abcde", b"0123456789\nabcdef", b"0123456789abcde\xe9"])
def test_a_file_without_a_good_key_is_refused_and_not_shown(tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(argparse.ArgumentTypeError, match="expected a key of 16 or more printable ASCII") as raised:
        read_key(str(tmp_path / "key"))
    assert "0123" not in str(raised.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(argparse.ArgumentTypeError, match=r"none cannot be read \(No such file or directory\)"):
        read_key(str(tmp_path / "none"))
