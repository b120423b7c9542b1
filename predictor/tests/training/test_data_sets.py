import gzip
import hashlib
import os
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from captum_predictor.training.data_sets import DATA_SETS, DataSet, DataSetError, read_split

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
CLASSES = np.array([3, 1, 4, 1, 5], np.uint8)


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


FILES = {"t10k-images-idx3-ubyte": idx(IMAGES), "t10k-labels-idx1-ubyte": idx(CLASSES)}


def digits(address="http://127.0.0.1:9/"):
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in FILES.items()}
    return DataSet("digits", address, "nobody", tuple("0123456789"), md5)


@pytest.fixture(autouse=True)
def no_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KSERVE_CAPTUM_DATA", "")


def put(folder, packed=True, **changed):
    (folder / "digits").mkdir(parents=True)
    for name, content in {**FILES, **changed}.items():
        path = folder / "digits" / (name + ".gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
    return folder


def assert_read(split):
    assert split.images.shape == (5, 1, 28, 28)
    np.testing.assert_array_equal(split.images[:, 0].numpy(), IMAGES)
    assert split.classes.tolist() == CLASSES.tolist()


@pytest.mark.parametrize("packed", [True, False])
def test_the_named_folder_is_read(tmp_path, packed):
    assert_read(read_split(digits(), "t10k", put(tmp_path / "data", packed)))


def test_the_variables_folder_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("KSERVE_CAPTUM_DATA", str(put(tmp_path / "data")))
    assert_read(read_split(digits(), "t10k"))


def test_the_cache_is_read_where_the_named_folder_has_nothing(tmp_path):
    put(tmp_path / "cache" / "kserve-captum")
    assert_read(read_split(digits(), "t10k", tmp_path / "empty"))


def test_the_cache_is_in_the_home_folder_where_nothing_else_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    put(tmp_path / ".cache" / "kserve-captum")
    assert_read(read_split(digits(), "t10k"))


def test_other_bytes_are_refused(tmp_path):
    folder = put(tmp_path / "data", **{"t10k-labels-idx1-ubyte": idx(CLASSES[::-1].copy())})
    with pytest.raises(DataSetError, match=r"t10k-labels-idx1-ubyte\.gz holds other bytes than the published ones"):
        read_split(digits(), "t10k", folder)


def test_a_truncated_archive_is_refused(tmp_path):
    path = put(tmp_path / "data") / "digits" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataSetError, match="cannot be read"):
        read_split(digits(), "t10k", tmp_path / "data")


def test_data_that_is_not_there_and_may_not_be_downloaded_is_a_sentence(tmp_path):
    with pytest.raises(DataSetError, match=r"digits/t10k-images-idx3-ubyte\.gz is in none of .*KSERVE_CAPTUM_DATA"):
        read_split(digits(), "t10k", tmp_path, may_download=False)


@pytest.fixture
def publisher():
    """A server of the two files, and its `replies`: by name, what is sent instead of the whole file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.strip("/").removesuffix(".gz")
            body = gzip.compress(FILES[name], 0)
            self.send_response(self.server.statuses.get(name, 200))
            self.send_header("Content-Length", len(body))
            if "gzip" in self.headers["Accept-Encoding"]:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(self.server.replies.get(name, body))

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.replies, server.statuses = {}, {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.data_set = digits(f"http://127.0.0.1:{server.server_port}/")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_missing_files_are_downloaded_into_the_cache_with_a_bar(tmp_path, publisher, capsys):
    assert_read(read_split(publisher.data_set, "t10k"))
    folder = tmp_path / "cache" / "kserve-captum" / "digits"
    assert sorted(os.listdir(folder)) == ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]
    assert "t10k-images-idx3-ubyte.gz: 100%" in capsys.readouterr().err
    publisher.statuses = dict.fromkeys(FILES, 500)
    assert_read(read_split(publisher.data_set, "t10k"))


def test_missing_files_are_downloaded_into_the_named_folder(tmp_path, publisher):
    read_split(publisher.data_set, "t10k", tmp_path / "data")
    assert len(os.listdir(tmp_path / "data" / "digits")) == 2


def break_off(publisher):
    publisher.replies["t10k-images-idx3-ubyte"] = gzip.compress(FILES["t10k-images-idx3-ubyte"], 0)[:1000]


def send_other_bytes(publisher):
    body = bytearray(FILES["t10k-images-idx3-ubyte"])
    body[100] ^= 1
    publisher.replies["t10k-images-idx3-ubyte"] = gzip.compress(bytes(body), 0)  # stored, so of the same length


def send_a_page(publisher):
    packed = gzip.compress(FILES["t10k-images-idx3-ubyte"], 0)
    publisher.replies["t10k-images-idx3-ubyte"] = b"<html>".ljust(len(packed))


def refuse(publisher):
    publisher.statuses["t10k-images-idx3-ubyte"] = 404


@pytest.mark.parametrize(
    ("misbehave", "sentence"),
    [
        (break_off, "could not be downloaded"),
        (refuse, "could not be downloaded .*404.*; put the file at .* by hand"),
        (send_other_bytes, "holds other bytes than the published ones"),
        (send_a_page, "cannot be read"),
    ],
)
def test_a_failed_download_is_a_sentence_and_leaves_nothing(tmp_path, publisher, misbehave, sentence):
    misbehave(publisher)
    with pytest.raises(DataSetError, match=sentence) as caught:
        read_split(publisher.data_set, "t10k")
    assert "\n" not in str(caught.value)
    assert not [file for _, _, files in os.walk(tmp_path / "cache") for file in files]


def test_a_server_that_is_not_there_is_a_sentence():
    with pytest.raises(DataSetError, match=r"http://127\.0\.0\.1:9/.* could not be downloaded"):
        read_split(digits(), "t10k")


def test_both_sets_name_their_four_files_and_ten_classes():
    for name, data_set in DATA_SETS.items():
        assert data_set.name == name
        assert len(data_set.labels) == len(set(data_set.labels)) == 10
        assert sorted(data_set.md5) == [
            f"{part}-{kind}-ubyte" for part in ("t10k", "train") for kind in ("images-idx3", "labels-idx1")
        ]
