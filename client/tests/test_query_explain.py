"""The command as a user runs it, against an explainer on this machine's loopback."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_explainer import FakeExplainer, Reply, detail, explanation
from PIL import Image

Run = Callable[..., int]
SCRIPT = Path(__file__).resolve().parent.parent / "query_explain.py"
HOST = "fashion-mnist.default.example.com"


def script(*arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=60, env=os.environ | options
    )


class TestScript:
    def test_explains_and_draws_from_any_folder(self, explainer: FakeExplainer, test_set: Path) -> None:
        done = script(explainer.url, HOST, "3")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert done.stdout == (
            "test image 3, actual Dress: predicted Ankle boot (99.9 %); "
            "integrated_gradients, target Ankle boot, convergence delta 0.00012\n"
            "Wrote explanation.png\n"
        )
        with Image.open("explanation.png") as picture:
            assert picture.size == (1500, 427)

    def test_answers_are_exit_codes_and_sentences(self, explainer: FakeExplainer, test_set: Path) -> None:
        explainer.replies = [Reply({"error": "method: 'x' is not known"}, 400)]
        refused = script(explainer.url, HOST, "--method", "x")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith("error: method: 'x' is not known (status 400)\nhint: ")
        wrong = script(explainer.url, HOST, "10000")
        assert wrong.returncode == 2
        assert wrong.stderr.startswith("error: argument INDEX: '10000' is not a number from 0 to 9999\nusage: ")

    def test_prints_labels_that_the_terminal_lacks(self, explainer: FakeExplainer, test_set: Path) -> None:
        answer = explanation({"instances": [np.zeros((28, 28)).tolist()]})
        answer["details"] = [detail(prediction_label="鞋", target_label="鞋")]
        explainer.replies = [Reply(answer)]
        done = script(explainer.url, HOST, PYTHONIOENCODING="ascii")
        assert (done.returncode, done.stderr) == (0, "")
        assert "predicted \\u978b (99.9 %)" in done.stdout

    def test_reader_that_leaves_early(self, explainer: FakeExplainer, test_set: Path) -> None:
        # The answer is larger than a pipe's buffer.
        explainer.replies = [Reply({"padding": "x" * 1_000_000})]
        command = f"'{sys.executable}' '{SCRIPT}' {explainer.url} {HOST} --json | head -c 10"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
        assert (done.stdout, done.stderr) == ('{"padding"', "")

    def test_missing_dependency(self, tmp_path: Path) -> None:
        (tmp_path / "requests.py").write_text("raise ModuleNotFoundError(name='requests')")
        done = script("--help", PYTHONPATH=str(tmp_path))
        assert done.returncode == 1
        assert done.stderr.startswith("error: requests is not installed.\nhint: python -m pip install -r ")

    def test_help_needs_no_server(self) -> None:
        done = script("--help")
        assert done.returncode == 0
        assert "URL HOST [INDEX] [JSON]" in done.stdout


class TestMasks:
    def test_aixs_answer_is_a_grid_whatever_was_asked(
        self, run: Run, explainer: FakeExplainer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        masks = np.zeros((6, 28, 28), int).tolist()
        answer = {
            "explanations": {"temp": np.zeros((28, 28, 3)).tolist(), "masks": masks, "top_labels": [9, 8, 7, 6, 5, 4]}
        }
        explainer.replies = [Reply(answer)]
        assert run("9") == 0
        assert capsys.readouterr().out == (
            "test image 9, actual Ankle boot: masks for Ankle boot, Bag, Sneaker, Shirt, Sandal, Coat\n"
            "Wrote explanation.png\n"
        )
        with Image.open("explanation.png") as picture:
            assert picture.size == (1590, 765)


class TestRequest:
    def test_plain_query_carries_the_image_and_nothing_else(self, run: Run, explainer: FakeExplainer) -> None:
        assert run("--json") == 0
        (call,) = explainer.calls
        assert (call.verb, call.path) == ("POST", "/v1/models/fashion-mnist:explain")
        assert call.headers["host"] == HOST
        assert call.headers["content-type"] == "application/json"
        assert list(call.json) == ["instances"]
        expected = np.zeros((1, 28, 28))
        expected[0, :, 0] = 200 / 255
        np.testing.assert_array_equal(call.json["instances"], expected)

    def test_index_and_json_as_in_kserves_example(self, run: Run, explainer: FakeExplainer) -> None:
        assert run("7", '{"top_labels": "10", "num_samples": 100}', "--json") == 0
        request = explainer.calls[0].json
        assert {key: request[key] for key in request if key != "instances"} == {"top_labels": "10", "num_samples": 100}
        assert np.flatnonzero(np.array(request["instances"])[0, 0]).tolist() == [7]

    def test_json_between_options(self, run: Run, explainer: FakeExplainer) -> None:
        assert run("--method", "lime", "7", "--target", "2", '{"top_labels": 3}', "--json") == 0
        request = explainer.calls[0].json
        assert request["top_labels"] == 3
        assert request["parameters"] == {"method": "lime", "target": 2}

    @pytest.mark.parametrize(
        ("arguments", "parameters"),
        [
            (["--target", "7"], {"target": 7}),
            (["--target", "-1"], {"target": -1}),
            (["--target", "Ankle boot"], {"target": "Ankle boot"}),
            (["--layer", "conv2", "--upsample"], {"layer": "conv2", "upsample": True}),
            (["--parameters", '{"n_steps": 9, "target": 1}', "--target", "4"], {"n_steps": 9, "target": 4}),
            (
                ["0", '{"parameters": {"seed": 1, "n_steps": 2}}', "--parameters", '{"n_steps": 3}'],
                {"seed": 1, "n_steps": 3},
            ),
        ],
    )
    def test_options_become_parameters(
        self, run: Run, explainer: FakeExplainer, arguments: list[str], parameters: dict[str, object]
    ) -> None:
        assert run(*arguments, "--json") == 0
        assert explainer.calls[0].json["parameters"] == parameters

    def test_aixs_format_is_asked_for_with_three_colours(self, run: Run, explainer: FakeExplainer) -> None:
        explainer.replies = [Reply({})]
        assert run("7", '{"top_labels": "2"}', "--format", "aix", "--pixel-range=-0.5,0.5", "--json") == 0
        request = explainer.calls[0].json
        assert list(request) == ["instances", "top_labels", "format"]
        assert request["format"] == "aix"
        picture = np.array(request["instances"][0])
        assert picture.shape == (28, 28, 3)
        assert picture[0, 7].tolist() == [200 / 255 - 0.5] * 3
        assert picture[0, 8].tolist() == [-0.5] * 3

    def test_one_request_a_method(self, run: Run, explainer: FakeExplainer, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--method", "deep_lift", "--method", "lime", "--target", "3") == 0
        asked = [call.json["parameters"] for call in explainer.calls]
        assert asked == [{"target": 3, "method": "deep_lift"}, {"target": 3, "method": "lime"}]
        first, second, wrote = capsys.readouterr().out.splitlines()
        assert "; deep_lift, target" in first
        assert "; lime, target" in second
        assert wrote == "Wrote explanation.png"

    def test_pictures_go_in_one_request(
        self, run: Run, explainer: FakeExplainer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name, grey in [("a.png", 0), ("b.png", 51)]:
            Image.new("L", (28, 28), grey).save(name)
        assert run("--image", "a.png", "--image", "b.png", "--invert", "--method", "x", "--method", "y") == 0
        instances = np.array(explainer.calls[0].json["instances"])
        assert [image.max() for image in instances] == [1.0, 0.8]
        assert len(explainer.calls) == 2
        names = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
        assert names == ["a.png", "a.png", "b.png", "b.png", "Wrote explanation.png"]

    def test_headers(self, run: Run, explainer: FakeExplainer) -> None:
        assert run("--header", "Authorization: Bearer a:b", "--header", "X-Trace:1", "--json") == 0
        headers = explainer.calls[0].headers
        assert headers["authorization"] == "Bearer a:b"
        assert headers["x-trace"] == "1"

    @pytest.mark.parametrize(
        ("model", "options", "column"),
        [
            ("my-Fashion-model", [], 1),
            ("mnist", [], 2),
            ("anything", [], 2),
            ("mnist", ["--dataset", "fashion-mnist"], 1),
        ],
    )
    def test_data_set_follows_the_models_name(
        self, run: Run, explainer: FakeExplainer, test_set: Path, model: str, options: list[str], column: int
    ) -> None:
        for dataset, lit in [("fashion-mnist", 1), ("mnist", 2)]:
            images = np.zeros((1, 28, 28), np.uint8)
            images[0, :, lit] = 9
            file = test_set / dataset / "t10k-images-idx3-ubyte"
            file.with_name(file.name + ".gz").unlink()
            file.write_bytes(np.array([0x803, 1, 28, 28], ">u4").tobytes() + images.tobytes())
        assert run(*options, "--json", url=explainer.url.replace("fashion-mnist", model)) == 0
        assert np.flatnonzero(explainer.calls[0].json["instances"][0][0]).tolist() == [column]


class TestAnswer:
    def test_json_is_the_servers_own_text(
        self, run: Run, explainer: FakeExplainer, capfd: pytest.CaptureFixture[str]
    ) -> None:
        explainer.replies = [Reply(b'{"explanations":  [1e-05], "k": 1.50}\n'), Reply({"second": "answer"})]
        assert run("--json", "--method", "a", "--method", "b") == 0
        assert capfd.readouterr() == ('{"explanations":  [1e-05], "k": 1.50}\n{"second": "answer"}\n', "")
        assert not Path("explanation.png").exists()

    def test_json_and_output(self, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--json", "--output", "boot.png") == 0
        printed = capsys.readouterr()
        assert json.loads(printed.out)["model"]["name"] == "fashion-mnist"
        assert printed.err == "Wrote boot.png\n"
        assert Path("boot.png").read_bytes().startswith(b"\x89PNG")

    @pytest.mark.parametrize(("name", "start"), [("boot.svg", b"<?xml"), ("boot.PDF", b"%PDF")])
    def test_other_formats(self, run: Run, name: str, start: bytes) -> None:
        assert run("--output", name) == 0
        assert Path(name).read_bytes().startswith(start)

    def test_top_k_gives_several_rows(
        self, run: Run, explainer: FakeExplainer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        zeros = np.zeros((1, 28, 28)).tolist()
        details = [detail(target_label="Bag", convergence_delta=None), detail(target_label="Coat", converged=False)]
        explainer.replies = [Reply({"explanations": [[zeros, zeros]], "details": [details]})]
        assert run("--parameters", '{"top_k": 2}') == 0
        first, second, _ = capsys.readouterr().out.splitlines()
        assert first.endswith("integrated_gradients, target Bag")
        assert second.endswith("target Coat, convergence delta 0.00012 (not converged)")

    def test_each_picture_gets_its_own_explanation(
        self, run: Run, explainer: FakeExplainer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name in ("a.png", "b.png"):
            Image.new("L", (28, 28)).save(name)
        zeros = np.zeros((1, 28, 28)).tolist()
        details = [detail(prediction_label="Bag"), detail(prediction_label="Coat")]
        explainer.replies = [Reply({"explanations": [zeros, zeros], "details": details})]
        assert run("--image", "a.png", "--image", "b.png") == 0
        first, second, _ = capsys.readouterr().out.splitlines()
        assert first.startswith("a.png: predicted Bag ")
        assert second.startswith("b.png: predicted Coat ")

    def test_catalogue(self, run: Run, explainer: FakeExplainer, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--list-methods") == 0
        assert explainer.calls[0].verb == "GET"
        assert explainer.calls[0].path == "/v1/models/fashion-mnist:explain"
        assert explainer.calls[0].headers["host"] == HOST
        assert capsys.readouterr().out.startswith("fashion-mnist (access: structure)\nMETHOD ")

    def test_catalogue_as_json(self, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--list-methods", "--json") == 0
        assert [method["name"] for method in json.loads(capsys.readouterr().out)["methods"]][1] == "lime"

    def test_interrupt(self, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("captum_client.http.explainer.Explainer.explain", interrupt)
        assert run() == 130
        assert capsys.readouterr().err == "Interrupted.\n"
