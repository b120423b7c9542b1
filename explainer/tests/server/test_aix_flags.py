import socket

import pytest
from captum_explainer.server import aix_flags
from captum_explainer.server.options import parse
from captum_explainer.settings import AixDefaults

# As KServe's example has them, and as KServe adds its own behind them.
EXAMPLE = ["--model_name", "aix-explainer", "--explainer_type", "LimeImages", "--num_samples", "100"]
EXAMPLE += ["--top_labels", "10", "--min_weight", "0.01"]
INJECTED = ["--predictor_host", "aix-explainer-predictor.default", "--http_port", "8080"]


def test_the_examples_arguments_are_settings():
    settings = parse(EXAMPLE + INJECTED)
    assert (settings.model_name, settings.predictor.host) == ("aix-explainer", "aix-explainer-predictor.default")
    assert settings.aix.explainer_type == "LimeImages"
    assert (settings.aix.num_samples, settings.aix.top_labels, settings.aix.min_weight) == (100, 10, 0.01)
    assert (settings.aix.segmentation_algorithm, settings.aix.positive_only) == ("quickshift", True)


def test_the_other_flags_are_read():
    more = ["--segmentation_algorithm", "slic", "--positive_only", "False", "--explainer_type", "limeimages"]
    settings = parse(EXAMPLE + INJECTED + more)
    assert (settings.aix.segmentation_algorithm, settings.aix.positive_only) == ("slic", False)
    assert settings.aix.explainer_type == "LimeImages"


def test_without_them_an_explainer_is_our_own():
    assert AixDefaults().explainer_type is None


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--explainer_type", "LimeTabular"], "'LimeTabular' is not possible; expected LimeImages or LimeTexts"),
        (["--segmentation_algorithm", "pixels"], "invalid choice: 'pixels'"),
        (["--positive_only", "yes"], "'yes' is neither true nor false"),
        (["--min_weight", "-1"], "-1 is not a number of 0 or more"),
        (["--min_weight", "nan"], "nan is not a number of 0 or more"),
        (["--top_labels", "0"], "0 is not a whole number greater than 0"),
        (["--num_samples", "20000"], "--num_samples is 20000; expected at most --max_samples, 10000"),
    ],
)
def test_a_flag_that_cannot_be_is_refused(more, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        parse(EXAMPLE + INJECTED + more)
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.fixture
def known(monkeypatch):
    """Names that resolve; all others do not, or cannot be asked about where `error` says so."""

    def make(*names, error=socket.EAI_NONAME):
        def resolve(host, port):
            if host not in names:
                raise socket.gaierror(error, "not found")
            return []

        monkeypatch.setattr(aix_flags.socket, "getaddrinfo", resolve)
        monkeypatch.setattr(aix_flags, "PAUSE_SECONDS", 0.0)

    return make


OLD = "aix-explainer-predictor-default.default.svc.cluster.local"
NEW = "aix-explainer-predictor.default.svc.cluster.local"


def test_the_host_that_the_example_names_is_found_under_its_new_name(known):
    known(NEW)
    assert parse([*EXAMPLE, "--predictor_host", OLD]).predictor.host == NEW
    assert parse([*EXAMPLE, "--predictor_host", f"{OLD}:80"]).predictor.host == f"{NEW}:80"


def test_a_service_that_has_its_old_name_still_is_asked(known):
    known(OLD, NEW)
    assert parse([*EXAMPLE, "--predictor_host", OLD]).predictor.host == OLD


def test_a_name_that_cannot_be_looked_up_just_now_stays(known):
    known(error=socket.EAI_AGAIN)
    assert parse([*EXAMPLE, "--predictor_host", OLD]).predictor.host == OLD


def test_a_name_server_that_is_late_is_waited_for(known, monkeypatch):
    known(NEW)
    late, answers = aix_flags.socket.getaddrinfo, iter([socket.EAI_AGAIN, socket.EAI_AGAIN])

    def resolve(host, port):
        for error in answers:
            raise socket.gaierror(error, "try again")
        return late(host, port)

    monkeypatch.setattr(aix_flags.socket, "getaddrinfo", resolve)
    assert parse([*EXAMPLE, "--predictor_host", OLD]).predictor.host == NEW


def test_only_an_explainer_that_stands_in_for_aixs_looks(known):
    known(NEW)
    assert parse(["--model_name", "x", "--predictor_host", OLD]).predictor.host == OLD


@pytest.mark.parametrize("host", ["forest:8080", "my-default.predictor-default", "localhost"])
def test_other_hosts_are_what_they_are(host, known):
    known()
    assert parse([*EXAMPLE, "--predictor_host", host]).predictor.host == host
