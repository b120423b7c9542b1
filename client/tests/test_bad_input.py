"""What users and networks get wrong: each case has its exit code and its sentence, and never a traceback."""

import gzip
import json
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_explainer import FakeExplainer, Reply, detail
from PIL import Image

Run = Callable[..., int]
Printed = pytest.CaptureFixture[str]
ZEROS = np.zeros((1, 28, 28)).tolist()


def failure(printed: Printed) -> str:
    """What stands on standard error; nothing may stand on standard output."""
    out, err = printed.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "Traceback" not in err
    return err


WRONG_USAGE = [
    (["-1"], "argument INDEX: '-1' is not a number from 0 to 9999"),
    (["10000"], "argument INDEX: '10000' is not a number from 0 to 9999"),
    (["seven"], "argument INDEX: 'seven' is not a number"),
    (["٣"], "argument INDEX: '٣' is not a number"),
    (["0", "{top_labels: 10}"], "argument JSON: '{top_labels: 10}' is not JSON"),
    (["0", "[1]"], "argument JSON: '[1]' is not a JSON object"),
    (["0", '{"a": NaN}'], "NaN is not a JSON number"),
    (["0", '{"a": ' + "[" * 100_000], "is not JSON"),
    (["0", '{"instances": [[1]]}'], "JSON: 'instances' comes from INDEX or --image"),
    (["0", '{"parameters": 7}'], "JSON: 'parameters' is to be an object"),
    (["0", "{}", "more"], "unrecognized arguments: more"),
    (["--parameters", "n_steps=7"], "argument --parameters: 'n_steps=7' is not JSON"),
    (["--dataset", "cifar"], "argument --dataset: invalid choice: 'cifar'"),
    (["--output", "boot.docx"], "argument --output: 'boot.docx' does not end in .png, .pdf, .svg"),
    (["--timeout", "0"], "argument --timeout: '0' is not a number of seconds above 0"),
    (["--timeout", "nan"], "argument --timeout: 'nan' is not a number of seconds"),
    (["--timeout", "soon"], "argument --timeout: 'soon' is not a number of seconds"),
    (["--header", "Authorization"], "argument --header: 'Authorization' is not like 'Name: value'"),
    (["--header", "X: a\r\nY: b"], "cannot be sent as a header"),
    (["--header", "X Y: a"], "argument --header: 'X Y: a' is not like 'Name: value'"),
    (["--invert"], "--invert goes with --image"),
    (["--method"], "argument --method: expected one argument"),
    (["--nonsense"], "unrecognized arguments: --nonsense"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG_USAGE)
def test_wrong_usage(run: Run, explainer: FakeExplainer, capsys: Printed, arguments: list[str], sentence: str) -> None:
    assert run(*arguments) == 2
    assert sentence in failure(capsys)
    assert explainer.calls == []


@pytest.mark.parametrize(
    "url", ["localhost:8080", "ftp://localhost/", "http://", "http://[::1", "http://h:99999/", "/v1"]
)
def test_wrong_url(run: Run, capsys: Printed, url: str) -> None:
    assert run(url=url) == 2
    assert f"argument URL: {url!r} is not like http://localhost:8080/v1/models/mnist:explain" in failure(capsys)


@pytest.mark.parametrize("arguments", [[], ["http://localhost:1/"], ["http://localhost:1/", "höst"]])
def test_missing_or_wrong_host(capsys: Printed, arguments: list[str]) -> None:
    from query_explain import main

    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "HOST" in failure(capsys)


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
    "bomb": (png(8000, 8000, zlib.compress(bytes(8001 * 8000))), "has 8000 x 8000 pixels; at most 50 million are read"),
    "largest header": (png(2**31 - 1, 2**31 - 1), "pixels; at most 50 million are read"),
    "line": (png(1, 60_000_000), "has 1 x 60000000 pixels"),
    "jpeg's start": (b"\xff\xd8\xff\xe0", "picture"),
}


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_bad_picture(run: Run, explainer: FakeExplainer, capsys: Printed, name: str) -> None:
    content, sentence = BAD_PICTURES[name]
    Path("picture.png").write_bytes(content)
    assert run("--image", "picture.png") == 1
    told = failure(capsys)
    assert told.startswith("error: picture.png ")
    assert sentence in told
    assert explainer.calls == []


@pytest.mark.parametrize("path", ["missing.png", ".", "/dev/zero", "a\x1b[31m\n.png"])
def test_no_picture(run: Run, capsys: Printed, path: str) -> None:
    assert run("--image", path) == 1
    told = failure(capsys)
    assert "is not a file.\n" in told
    assert "\x1b" not in told


def test_huge_file_is_not_read(run: Run, capsys: Printed) -> None:
    with open("huge.png", "wb") as file:
        file.truncate(65 * 2**20)
    assert run("--image", "huge.png") == 1
    assert "huge.png has more than 64 MB" in failure(capsys)


def test_bomb_is_refused_before_it_is_decoded(run: Run, capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: object) -> None:
        pytest.fail("the picture was decoded")

    Path("bomb.png").write_bytes(BAD_PICTURES["bomb"][0])
    monkeypatch.setattr(Image.Image, "load", decoded)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", decoded)
    assert run("--image", "bomb.png") == 1
    assert "8000 x 8000" in failure(capsys)


def test_index_beyond_the_shipped_images(run: Run, capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KSERVE_CAPTUM_DATA")
    assert run("1002") == 1
    assert failure(capsys) == (
        "error: Index 1002: the fashion-mnist test set is not on this machine, only its images 0 to 9.\n"
        "hint: Name the folder that holds fashion-mnist/t10k-images-idx3-ubyte.gz "
        "by --data-dir or KSERVE_CAPTUM_DATA.\n"
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not the IDX file that its name says"),
        (b"hello", "cannot be read: Not a gzipped file"),
        (gzip.compress(b"\x00\x00\x08\x03" * 4), "is not the IDX file that its name says"),
        (gzip.compress(bytes(range(256)))[:20], "cannot be read: "),
        (gzip.compress(np.array([0x803, 20, 28, 28], ">u4").tobytes()), "ends before item 5"),
    ],
)
def test_broken_data_set(run: Run, capsys: Printed, test_set: Path, content: bytes, sentence: str) -> None:
    (test_set / "fashion-mnist" / "t10k-images-idx3-ubyte.gz").write_bytes(content)
    assert run("5") == 1
    assert sentence in failure(capsys)


def test_data_dir_without_the_data_set(run: Run, capsys: Printed) -> None:
    Path("elsewhere").mkdir()
    assert run("--data-dir", "elsewhere") == 1
    assert "--data-dir: there is no elsewhere/fashion-mnist/t10k-images-idx3-ubyte.gz" in failure(capsys)


def test_output_folder_is_checked_before_the_server_is_asked(
    run: Run, explainer: FakeExplainer, capsys: Printed
) -> None:
    assert run("--output", "missing/boot.png") == 1
    assert failure(capsys) == "error: --output: there is no folder missing.\n"
    assert explainer.calls == []


def test_output_that_cannot_be_written(run: Run, capsys: Printed) -> None:
    Path("boot.png").mkdir()
    assert run("--output", "boot.png") == 1
    assert capsys.readouterr().err.startswith("error: boot.png cannot be written: Is a directory.\n")


SERVER_ERRORS = [
    (400, {}, "--list-methods"),
    (401, {}, "--header 'Authorization"),
    (404, {}, "kubectl get inferenceservice"),
    (405, {}, ":explain"),
    (413, {}, "fewer images"),
    (500, {}, ""),
    (502, {}, "predictor's log"),
    (503, {}, "Try again in a moment"),
    (503, {"Retry-After": "7"}, "Try again in 7 s"),
    (504, {}, "--deadline_seconds"),
]


@pytest.mark.parametrize(("status", "headers", "hint"), SERVER_ERRORS)
def test_servers_sentence_and_a_hint(
    run: Run, explainer: FakeExplainer, capsys: Printed, status: int, headers: dict[str, str], hint: str
) -> None:
    explainer.replies = [Reply({"error": "n_steps: 5000 is over the limit of 1000"}, status, headers)]
    assert run() == 1
    first, *rest = failure(capsys).splitlines()
    assert first == f"error: n_steps: 5000 is over the limit of 1000 (status {status})"
    assert len(rest) == (1 if hint else 0)
    assert hint in "".join(rest)


GATEWAY = b"<html><head><style>p {}</style><title>404</title></head><body>no healthy\n upstream</body></html>"
NO_ANSWERS = {
    "another framework's error": (Reply({"detail": "Not Found"}, 404), "error: Not Found (status 404)"),
    "an error of no words": (Reply({}, 400), "error: no reason given (status 400)"),
    "a list for an error": (Reply(["no"], 400), "error: ['no'] (status 400)"),
    "control characters": (Reply({"error": "a\x1b[2Jb\nc"}, 400), "error: a?[2Jb c (status 400)"),
    "a gateway's page": (
        Reply(GATEWAY, 503, {"Content-Type": "text/html"}),
        "error: The answer is not JSON (status 503, text/html): 404 no healthy upstream\nhint: Try again",
    ),
    "a page with status 200": (Reply(b"hi", 200, {}), "(status 200, no content type): hi\nhint: Is it the explainer"),
    "an empty body": (Reply(b""), "it is empty"),
    "bytes that are no text": (Reply(b"\xff\xfe\x00"), "The answer is not JSON (status 200"),
    "nesting without end": (Reply(b"[" * 200_000), "The answer is not JSON"),
    "a redirect": (Reply(b"", 301, {"Location": "https://h/"}), "The server redirects to https://h/ (status 301)."),
    "half an answer": (Reply({"explanations": "x" * 5000}, cut=True), "broke"),
    "wrong compression": (Reply(b"no gzip", headers={"Content-Encoding": "gzip"}), "cannot be asked"),
    "null": (Reply(None), "it is not an object"),
    "nothing": (Reply({}), "'explanations' is NoneType where a list of 1 was expected"),
    "too few": (Reply({"explanations": [], "details": []}), "'explanations' is 0 entries"),
    "no details": (Reply({"explanations": [ZEROS]}), "'details' is NoneType"),
    "strange details": (Reply({"explanations": [ZEROS], "details": [7]}), "'details' does not fit 'explanations'"),
    "stranger details": (Reply({"explanations": [[ZEROS]], "details": [[7]]}), "is not an object"),
    "ragged numbers": (Reply({"explanations": [[[1], [2, 3]]], "details": [detail()]}), "not an array of numbers"),
    "words": (Reply({"explanations": [[["a"]]], "details": [detail()]}), "not an array of numbers"),
    "no numbers": (Reply({"explanations": [[]], "details": [detail()]}), "has the shape [0]"),
    "one number": (Reply({"explanations": [1.5], "details": [detail()]}), "has the shape []"),
    "too many dimensions": (Reply({"explanations": [[[[[1]]]]], "details": [detail()]}), "has the shape [1, 1, 1, 1]"),
    "not finite": (
        Reply(json.dumps({"explanations": [[[float("nan")]]], "details": [detail()]}).encode()),
        "not finite",
    ),
    "beyond floats": (Reply({"explanations": [[[10**400]]], "details": [detail()]}), "not an array of numbers"),
    "AIX's shape": (Reply({"explanations": {"temp": [], "masks": []}}), "'explanations' is dict"),
    "too many rows": (
        Reply({"explanations": [[ZEROS] * 101], "details": [[detail()] * 101]}),
        "101 rows do not fit one picture",
    ),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_no_answer(run: Run, explainer: FakeExplainer, capsys: Printed, name: str) -> None:
    reply, sentence = NO_ANSWERS[name]
    explainer.replies = [reply]
    assert run() == 1
    told = capsys.readouterr().err
    assert sentence in told
    assert told.startswith("error: ")
    assert len(told) < 800
    assert not Path("explanation.png").exists()


@pytest.mark.parametrize("arguments", [["--list-methods"], ["--list-methods", "--method", "lime"]])
def test_no_catalogue(run: Run, explainer: FakeExplainer, capsys: Printed, arguments: list[str]) -> None:
    explainer.replies = [Reply({"methods": "all"})]
    assert run(*arguments) == 1
    assert "The answer is not a list of methods." in failure(capsys)


def test_method_that_is_not_in_the_catalogue(run: Run, capsys: Printed) -> None:
    assert run("--list-methods", "--method", "limes") == 1
    assert "Method 'limes' is not known to the server. Known: integrated_gradients, lime." in failure(capsys)


class TestConnection:
    def test_nothing_listens(self, run: Run, capsys: Printed) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1/models/mnist:explain"
            assert run(url=url) == 1
        told = failure(capsys)
        assert f"error: Nothing listens at {url}: connection refused.\nhint: Is the server running" in told
        assert "kubectl port-forward" in told

    def test_slow_server(self, run: Run, explainer: FakeExplainer, capsys: Printed) -> None:
        explainer.replies = [Reply({}, pause=0.5)]
        assert run("--timeout", "0.1") == 1
        told = failure(capsys)
        assert "did not answer within 0.1 s." in told
        assert "--timeout" in told

    def test_answer_that_trickles(self, run: Run, capsys: Printed, trickling_url: str) -> None:
        assert run("--timeout", "0.3", url=trickling_url) == 1
        assert "did not answer within 0.3 s." in failure(capsys)

    def test_answer_over_the_limit(
        self, run: Run, explainer: FakeExplainer, capsys: Printed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("explainer_http.MAX_ANSWER_BYTES", 2**20)
        explainer.replies = [Reply(b"x" * (2**20 + 1))]
        assert run() == 1
        assert "The answer has more than 1 MB." in failure(capsys)

    def test_https_of_a_plain_server(self, run: Run, explainer: FakeExplainer, capsys: Printed) -> None:
        assert run(url=explainer.url.replace("http", "https")) == 1
        assert "hint: Does the server speak http?" in failure(capsys)

    def test_unknown_host_name(self, run: Run, capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr("socket.getaddrinfo", unknown)
        assert run(url="http://nowhere.invalid/v1/models/mnist:explain") == 1
        assert "The host name in http://nowhere.invalid/v1/models/mnist:explain is not known." in failure(capsys)

    def test_proxy_that_refuses(self, run: Run, capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused.getsockname()[1]}")
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused.getsockname()[1]}")
            assert run(url="http://explainer.invalid/v1/models/mnist:explain") == 1
        assert "The proxy does not let" in failure(capsys)
