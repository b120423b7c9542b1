"""What users get wrong, in arguments and in files: each case has its exit code and sentence, and never a traceback."""

import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_explainer import FakeExplainer
from PIL import Image

Run = Callable[..., int]
Failure = Callable[[], str]


WRONG_USAGE = [
    (["-1"], "argument INDEX: '-1' is not a number from 0 to 9999"),
    (["10000"], "argument INDEX: '10000' is not a number from 0 to 9999"),
    (["seven"], "argument INDEX: 'seven' is not a number"),
    (["٣"], "argument INDEX: '٣' is not a number"),
    (["0", "{top_labels: 10}"], "argument JSON: '{top_labels: 10}' is not JSON"),
    (["0", "[1]"], "argument JSON: '[1]' is not a JSON object"),
    (["0", '{"a": NaN}'], "NaN is not a JSON number"),
    (["0", '{"a": ' + "[" * 100_000], "is not JSON"),
    (["0", '{"instances": [[1]]}'], "JSON: 'instances' is set by INDEX, --image or --text"),
    (["0", '{"parameters": 7}'], "JSON: 'parameters' must be an object"),
    (["0", "{}", "more"], "unrecognized arguments: more"),
    (["--parameters", "n_steps=7"], "argument --parameters: 'n_steps=7' is not JSON"),
    (["--dataset", "cifar"], "argument --dataset: invalid choice: 'cifar'"),
    (["--output", "boot.docx"], "argument --output: 'boot.docx' does not end in .png, .pdf, .svg"),
    (["--timeout", "0"], "argument --timeout: '0' is not a number of seconds above 0"),
    (["--timeout", "nan"], "argument --timeout: 'nan' is not a number of seconds"),
    (["--timeout", "soon"], "argument --timeout: 'soon' is not a number of seconds"),
    (["--header", "Authorization"], "argument --header: 'Authorization' is not a header like 'Name: value'"),
    (["--header", "X: a\r\nY: b"], "cannot be sent as a header"),
    (["--header", "X Y: a"], "argument --header: 'X Y: a' is not a header like 'Name: value'"),
    (["--format", "alix"], "argument --format: invalid choice: 'alix'"),
    (["--pixel-range", "0"], "argument --pixel-range: '0' is not a range like -0.5,0.5"),
    (["--pixel-range", "1,0"], "argument --pixel-range: '1,0' is not a range like -0.5,0.5"),
    (["--pixel-range", "0,inf"], "argument --pixel-range: '0,inf' is not a range like -0.5,0.5"),
    (["--pixel-range", "a,b,c"], "argument --pixel-range: 'a,b,c' is not a range like -0.5,0.5"),
    (["--invert"], "--invert needs --image"),
    (["--method"], "argument --method: expected one argument"),
    (["--nonsense"], "unrecognized arguments: --nonsense"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG_USAGE)
def test_wrong_usage(run: Run, explainer: FakeExplainer, failure: Failure, arguments: list[str], sentence: str) -> None:
    assert run(*arguments) == 2
    assert sentence in failure()
    assert explainer.calls == []


@pytest.mark.parametrize(
    "url", ["localhost:8080", "ftp://localhost/", "http://", "http://[::1", "http://h:99999/", "/v1"]
)
def test_wrong_url(run: Run, failure: Failure, url: str) -> None:
    assert run(url=url) == 2
    assert f"argument URL: {url!r} is not a URL like http://localhost:8080/v1/models/mnist:explain" in failure()


@pytest.mark.parametrize("arguments", [[], ["http://localhost:1/"], ["http://localhost:1/", "höst"]])
def test_missing_or_wrong_host(failure: Failure, arguments: list[str]) -> None:
    from query_explain import main

    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "HOST" in failure()


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A grey PNG whose header says width x height, whatever its data."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def whole_png() -> bytes:
    return png(28, 28, zlib.compress(bytes(29 * 28)))


BAD_PICTURES = {
    "empty": (b"", "is not a PNG or JPEG picture"),
    "text": (b"hello", "is not a PNG or JPEG picture"),
    "gif": (b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "is not a PNG or JPEG picture"),
    "truncated": (whole_png()[:50], "is a broken picture"),
    "no data": (png(28, 28), "is a broken picture"),
    "garbled data": (png(28, 28, b"not zlib at all"), "is a broken picture"),
    "wrong checksum": (whole_png()[:20] + b"\x01" + whole_png()[21:], "picture"),
    "no pixels": (png(0, 28), "picture"),
    "bomb": (png(8000, 8000, zlib.compress(bytes(8001 * 8000))), "has 8000 x 8000 pixels; the limit is 50 million"),
    "largest header": (png(2**31 - 1, 2**31 - 1), "pixels; the limit is 50 million"),
    "line": (png(1, 60_000_000), "has 1 x 60000000 pixels"),
    "jpeg's start": (b"\xff\xd8\xff\xe0", "picture"),
}


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_bad_picture(run: Run, explainer: FakeExplainer, failure: Failure, name: str) -> None:
    content, sentence = BAD_PICTURES[name]
    Path("picture.png").write_bytes(content)
    assert run("--image", "picture.png") == 1
    told = failure()
    assert told.startswith("error: picture.png ")
    assert sentence in told
    assert explainer.calls == []


@pytest.mark.parametrize("path", ["missing.png", ".", "/dev/zero", "a\x1b[31m\n.png"])
def test_no_picture(run: Run, failure: Failure, path: str) -> None:
    assert run("--image", path) == 1
    told = failure()
    assert "is not a file.\n" in told
    assert "\x1b" not in told


def test_huge_file_is_not_read(run: Run, failure: Failure) -> None:
    with open("huge.png", "wb") as file:
        file.truncate(65 * 2**20)
    assert run("--image", "huge.png") == 1
    assert "huge.png has more than 64 MB" in failure()


def test_bomb_is_refused_before_it_is_decoded(run: Run, failure: Failure, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_to_decode(*_: object) -> None:
        pytest.fail("the picture was decoded")

    Path("bomb.png").write_bytes(BAD_PICTURES["bomb"][0])
    monkeypatch.setattr(Image.Image, "load", fail_to_decode)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail_to_decode)
    assert run("--image", "bomb.png") == 1
    assert "8000 x 8000" in failure()


def test_index_beyond_the_shipped_images(run: Run, failure: Failure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KSERVE_CAPTUM_DATA")
    assert run("1002") == 1
    assert failure() == (
        "error: Index 1002: the fashion-mnist test set is not on this machine, except images 0 to 9.\n"
        "hint: Pass the folder that holds fashion-mnist/t10k-images-idx3-ubyte.gz "
        "with --data-dir or KSERVE_CAPTUM_DATA.\n"
    )


# By name: gzip writes the time into what it packs, and the processes that share the tests must call them the same.
BROKEN_DATA_SETS = {
    "empty": (b"", "is not an IDX file of the expected shape"),
    "text": (b"hello", "cannot be read: Not a gzipped file"),
    "another file": (gzip.compress(b"\x00\x00\x08\x03" * 4), "is not an IDX file of the expected shape"),
    "cut off": (gzip.compress(bytes(range(256)))[:20], "cannot be read: "),
    "header alone": (gzip.compress(np.array([0x803, 20, 28, 28], ">u4").tobytes()), "ends before item 5"),
}


@pytest.mark.parametrize("name", BROKEN_DATA_SETS)
def test_broken_data_set(run: Run, failure: Failure, test_set: Path, name: str) -> None:
    content, sentence = BROKEN_DATA_SETS[name]
    (test_set / "fashion-mnist" / "t10k-images-idx3-ubyte.gz").write_bytes(content)
    assert run("5") == 1
    assert sentence in failure()


def test_data_dir_without_the_data_set(run: Run, failure: Failure) -> None:
    Path("elsewhere").mkdir()
    assert run("--data-dir", "elsewhere") == 1
    assert "--data-dir: there is no elsewhere/fashion-mnist/t10k-images-idx3-ubyte.gz" in failure()


def test_output_folder_is_checked_before_the_server_is_asked(
    run: Run, explainer: FakeExplainer, failure: Failure
) -> None:
    assert run("--output", "missing/boot.png") == 1
    assert failure() == "error: --output: there is no folder missing.\n"
    assert explainer.calls == []


def test_output_that_cannot_be_written(run: Run, failure: Failure) -> None:
    Path("boot.png").mkdir()
    assert run("--output", "boot.png") == 1
    assert failure().startswith("error: boot.png cannot be written: Is a directory.\n")
