import dataclasses
import pickle

import pytest
from captum_explainer.server.options import make_parser, parse
from captum_explainer.settings import AixDefaults, Limits, PredictorAddress, Settings
from captum_serving.limits import ClientLimits
from kserve.model_server import parser as kserve_parser

LEAST = ["--model_name", "mnist", "--predictor_host", "localhost:8081"]


def flags(parser):
    return {option for action in parser._actions for option in action.option_strings if option.startswith("--")}


def test_without_flags_the_defaults_are_those_of_settings(monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    given = dataclasses.asdict(parse(LEAST))
    expected = dataclasses.asdict(Settings("mnist", PredictorAddress("localhost:8081")))
    assert given == expected


def test_flags_are_read():
    settings = parse([*LEAST, "--deadline_seconds", "7.5", "--max_steps", "10", "--defaults", '{"n_steps": 5}'])
    assert (settings.limits.deadline_seconds, settings.limits.max_steps, settings.defaults) == (7.5, 10, {"n_steps": 5})


def test_a_bundle_of_certificates_is_taken_from_the_environment(monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/ca.pem")
    assert parse(LEAST).predictor.ca_bundle == "/ca.pem"
    assert parse([*LEAST, "--predictor_ca_bundle", "/own.pem"]).predictor.ca_bundle == "/own.pem"


def test_every_setting_has_a_flag():
    names = {
        prefix + field.name
        for kind, prefix in (
            (Settings, ""),
            (PredictorAddress, "predictor_"),
            (Limits, ""),
            (ClientLimits, ""),
            (AixDefaults, ""),
        )
        for field in dataclasses.fields(kind)
    }
    names -= {"predictor", "limits", "client", "aix", "predictor_extension_key_file"}
    assert {f"--{name}" for name in {*names, "extension_key_file"}} <= flags(make_parser())


def test_no_flag_of_ours_is_a_prefix_of_kserves_or_the_other_way_round():
    # kserve's parser takes abbreviations, and reads the same command line.
    kserves = flags(kserve_parser)
    ours = flags(make_parser()) - kserves
    assert "--defaults" in ours
    for mine in ours:
        assert not [theirs for theirs in kserves if theirs.startswith(mine) or mine.startswith(theirs)], mine


def test_what_kserve_injects_is_accepted():
    injected = [*LEAST, "--http_port", "8080", "--workers", "2", "--predictor_protocol", "v2"]
    assert parse(injected).predictor.protocol == "v2"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model_name", "mnist"], "--predictor_host is missing; expected the predictor's host, as in"),
        ([*LEAST, "--max_steps", "0"], "argument --max_steps: 0 is not a whole number greater than 0"),
        ([*LEAST, "--max_steps", "many"], "argument --max_steps: many is not a whole number greater than 0"),
        ([*LEAST, "--deadline_seconds", "-1"], "-1 is not a number greater than 0"),
        ([*LEAST, "--deadline_seconds", "nan"], "nan is not a number greater than 0"),
        ([*LEAST, "--deadline_seconds", "inf"], "inf is not a number greater than 0"),
        ([*LEAST, "--defaults", "{"], "argument --defaults: not JSON"),
        ([*LEAST, "--defaults", "[]"], "argument --defaults: expected a JSON object"),
        (
            [*LEAST, "--predictor_protocol", "grpc-v2"],
            "--predictor_protocol is grpc-v2; expected v1 or v2: this explainer does not speak gRPC",
        ),
        ([*LEAST, "--deadline", "5"], "unrecognized arguments: --deadline"),
    ],
)
def test_a_command_line_that_cannot_be_is_refused(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        parse(arguments)
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


def test_settings_go_to_workers():
    settings = parse([*LEAST, "--defaults", '{"seed": 1}'])
    assert pickle.loads(pickle.dumps(settings)) == settings
