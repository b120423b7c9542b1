from pathlib import Path

import pytest
from captum_predictor.engine.cpus import count_usable_cpus
from captum_predictor.server.options import build_parser, parse_options
from kserve import model_server


def test_the_defaults_are_those_of_a_container():
    options = parse_options([])
    assert options.model_dir == Path("/mnt/models")
    assert options.host == "0.0.0.0"
    assert options.device == "cpu"
    assert options.lanes == count_usable_cpus()
    assert options.model_name == "model"
    assert options.no_acceleration is False


def test_a_cuda_device_has_one_lane_unless_told():
    assert parse_options(["--device=cuda:1"]).lanes == 1
    assert parse_options(["--device=cuda:1", "--lanes=2"]).lanes == 2


def test_the_model_is_named_after_the_inference_service(monkeypatch):
    monkeypatch.setenv("INFERENCE_SERVICE_NAME", "digits")
    assert parse_options([]).model_name == "digits"
    assert parse_options(["--model_name=other"]).model_name == "other"
    monkeypatch.delenv("INFERENCE_SERVICE_NAME")
    assert parse_options([]).model_name == "model"


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--lanes=0"], "argument --lanes: 0 is not a whole number greater than 0"),
        (["--max_rows=many"], "argument --max_rows: many is not a whole number greater than 0"),
        (["--queue_rows=10"], "--queue_rows is 10; expected at least --max_rows, 4096"),
        (["--no-such-flag"], "unrecognized arguments: --no-such-flag"),
        (["--model_di=x"], "unrecognized arguments: --model_di=x"),
    ],
)
def test_wrong_usage_is_status_2(flags, sentence, capsys):
    with pytest.raises(SystemExit) as raised:
        parse_options(flags)
    assert raised.value.code == 2
    assert sentence in capsys.readouterr().err


def test_no_flag_is_a_prefix_of_another():
    kserves = {flag for action in model_server.parser._actions for flag in action.option_strings}
    flags = {flag for action in build_parser()._actions for flag in action.option_strings}
    ours = flags - kserves - {"-h"}
    assert {"--model_dir", "--host", "--device", "--lanes", "--max_body_bytes", "--max_rows", "--queue_rows"} <= ours
    for own in ours:
        for flag in flags - {own}:
            assert not flag.startswith(own)
            assert not own.startswith(flag)


def test_grpc_is_off_unless_kserves_own_flag_says_otherwise():
    assert not parse_options([]).enable_grpc
    assert parse_options(["--enable_grpc=true"]).enable_grpc
