from captum_explainer.server.options import make_parser
from captum_predictor.server.options import build_parser
from kserve.model_server import parser as kserve_parser

from tools.flags_page import PAGE, write_page


def test_the_page_is_what_make_flags_docs_writes() -> None:
    assert PAGE.read_text() == write_page(), "run make flags-docs"


def test_every_flag_of_ours_is_on_the_page() -> None:
    kserves = {option for action in kserve_parser._actions for option in action.option_strings}
    page = PAGE.read_text()
    for parser in (build_parser(), make_parser()):
        ours = {option for action in parser._actions for option in action.option_strings} - kserves
        assert ours
        assert [option for option in ours - {"-h", "--help"} if f"`{option}`" not in page] == []
