"""query_explain.py's command line: the positional arguments of KServe's AIX example, and options."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from captum_client.inputs.dataset_images import CLASS_NAMES, SHIPPED_IMAGES, TEST_SET_SIZE
from captum_client.query.query import Query
from captum_client.terminal.argument_parser import (
    Parser,
    parse_header,
    parse_header_value,
    parse_object,
    parse_range,
    parse_seconds,
    parse_target,
    parse_text,
    parse_url,
)

DEFAULT_OUTPUT = Path("explanation.png")
_FORMATS = (".png", ".pdf", ".svg")
_PAGE = ".html"
_USAGE = "%(prog)s URL HOST [INDEX] [JSON] [options]"
_DESCRIPTION = """\
Ask an explainer why the model made its prediction, and draw the answer: one row per image and method, with the image,
all attributions, the positive ones and the negative ones. Red speaks for the target, blue against it. For a text, the
words are printed in these colours. Without colours (NO_COLOR is set, or the output is no terminal), each word is on a
line of its own with its importance."""
_EPILOG = """\
examples:
  %(prog)s http://localhost:8080/v1/models/fashion-mnist:explain fashion-mnist.default.example.com
  %(prog)s http://localhost:8080/v1/models/mnist:explain mnist.default.example.com 42 --method deep_lift --method lime
  %(prog)s http://localhost:8080/v1/models/mnist:explain mnist.default.example.com --image seven.jpg --invert --target 1
  %(prog)s http://localhost:8080/v1/models/mnist:explain mnist.default.example.com 7 --format aix
  %(prog)s http://localhost:8080/v1/models/mnist:explain mnist.default.example.com --list-methods
  %(prog)s http://localhost:8080/v1/models/sentiment:explain localhost --text 'not a good film' --output why.html

exit codes: 0 success; 1 failure (standard error says why); 2 wrong usage; 130 interrupted."""


def parse_arguments(argv: Sequence[str] | None = None) -> Query:
    """Return the query in `argv` (default: the process's arguments). Wrong usage prints a sentence and exits with 2."""
    parser = _build_parser()
    # Intermixed: otherwise INDEX and JSON could not follow an option.
    given = parser.parse_intermixed_args(argv)
    if given.invert and not given.image:
        parser.error("--invert needs --image")
    texts = _collect_texts(parser, given)
    if given.output and (given.output.suffix.lower() == _PAGE) != bool(texts):
        parser.error(f"--output: {given.output} must end in {_PAGE if texts else ', '.join(_FORMATS)}")
    request = dict(given.json_keys) | ({"format": given.format} if given.format else {})
    if "instances" in request:
        parser.error("JSON: 'instances' is set by INDEX, --image or --text")
    if not isinstance(request.get("parameters", {}), dict):
        parser.error("JSON: 'parameters' must be an object")
    options = {"target": given.target, "layer": given.layer, "upsample": given.upsample or None}
    chosen = {key: value for key, value in options.items() if value is not None}
    parameters = {**request.get("parameters", {}), **given.parameters, **chosen}
    return Query(
        url=given.url,
        host=given.host,
        index=given.index,
        request={**request, "parameters": parameters} if parameters else request,
        methods=given.method,
        images=given.image,
        texts=texts,
        invert=given.invert,
        pixel_range=given.pixel_range,
        dataset=given.dataset or _guess_dataset(given.url),
        data_dir=given.data_dir,
        output=given.output,
        json=given.json,
        list_methods=given.list_methods,
        timeout=given.timeout,
        headers=dict(given.header),
    )


def _collect_texts(parser: argparse.ArgumentParser, given: argparse.Namespace) -> list[Any]:
    """Return the texts as a request's instances."""
    if (given.question is None) != (given.context is None):
        parser.error("--question and --context need each other")
    texts: list[Any] = given.text + (
        [] if given.question is None else [{"question": given.question, "context": given.context}]
    )
    if texts and given.image:
        parser.error("--image cannot be combined with texts")
    if given.text and given.question is not None:
        parser.error("--text cannot be combined with --question: no model takes both")
    return texts


def _build_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="query_explain.py",
        usage=_USAGE,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "url",
        metavar="URL",
        type=parse_url,
        help="the explainer's address, such as http://localhost:8080/v1/models/mnist:explain",
    )
    add("host", metavar="HOST", type=parse_header_value, help="the service's host name; sent as the Host header")
    add(
        "index",
        metavar="INDEX",
        type=_parse_index,
        nargs="?",
        default=0,
        help="index of an image in the test set, 0 to 9999 (default: 0)",
    )
    add("json_keys", metavar="JSON", type=parse_object, nargs="?", default={}, help=_JSON_HELP)
    what = parser.add_argument_group("what to explain")
    what.add_argument("--method", action="append", default=[], metavar="NAME", help=_METHOD_HELP)
    what.add_argument("--target", type=parse_target, help=_TARGET_HELP)
    what.add_argument("--layer", metavar="STAGE", help="the layer that a layer or neuron method explains")
    what.add_argument(
        "--upsample", action="store_true", help="let the server scale a layer's attributions to the image's size"
    )
    what.add_argument("--format", choices=["captum", "aix"], help=_FORMAT_HELP)
    what.add_argument("--parameters", type=parse_object, default={}, metavar="JSON", help=_PARAMETERS_HELP)
    images = parser.add_argument_group("images")
    images.add_argument("--image", action="append", type=Path, default=[], metavar="FILE", help=_IMAGE_HELP)
    images.add_argument(
        "--invert", action="store_true", help="swap black and white in the pictures, for example for ink on paper"
    )
    images.add_argument(
        "--dataset",
        choices=list(CLASS_NAMES),
        help='test set (default: fashion-mnist if the model\'s name contains "fashion", else mnist)',
    )
    images.add_argument("--pixel-range", type=parse_range, default=(0.0, 1.0), metavar="LOW,HIGH", help=_RANGE_HELP)
    images.add_argument("--data-dir", type=Path, metavar="DIR", help=_DATA_DIR_HELP)
    texts = parser.add_argument_group("texts")
    texts.add_argument("--text", type=parse_text, action="append", default=[], help=_TEXT_HELP)
    texts.add_argument("--question", type=parse_text, help="question for a question-answering model; needs --context")
    texts.add_argument("--context", type=parse_text, help="text that contains the answer")
    answer = parser.add_argument_group("the answer")
    answer.add_argument("--output", type=_parse_output, metavar="FILE", help=_OUTPUT_HELP)
    answer.add_argument("--json", action="store_true", help=_RAW_HELP)
    answer.add_argument("--list-methods", action="store_true", help=_LIST_HELP)
    server = parser.add_argument_group("the connection")
    server.add_argument(
        "--timeout",
        type=parse_seconds,
        default=60.0,
        metavar="SECONDS",
        help="time limit per answer (default: 60)",
    )
    server.add_argument(
        "--header", action="append", type=parse_header, default=[], metavar="'NAME: VALUE'", help=_HEADER_HELP
    )
    return parser


_JSON_HELP = """more top-level keys for the request, such as '{"top_labels": "10"}'"""
_METHOD_HELP = "attribution method; can be repeated, one row each (default: the server's)"
_TARGET_HELP = "class to explain: an index or a label; a number is an index (default: the predicted class)"
_PARAMETERS_HELP = """more parameters, such as '{"n_steps": 100}'; the options above take precedence"""
_IMAGE_HELP = "PNG or JPEG file to explain instead of INDEX, converted to 28x28 grey; can be repeated, one row each"
_FORMAT_HELP = """format of the request and the answer (default: the server's); aix is the format of KServe's AIX
explainer, whose masks are drawn in a grid"""
_RANGE_HELP = "the model's values for black and white, such as --pixel-range=-0.5,0.5 (default: 0,1)"
_DATA_DIR_HELP = f"""folder with mnist/t10k-images-idx3-ubyte.gz and so on (default: $KSERVE_CAPTUM_DATA, then
~/.cache/kserve-captum, then the first {SHIPPED_IMAGES} images, which are included)"""
_TEXT_HELP = """text to explain instead of an image; can be repeated (to read a file: --text "$(cat review.txt)")"""
_OUTPUT_HELP = f"""write the figure (.png, .pdf, .svg), or for texts the server's HTML (.html), to FILE
(default for figures: open a window, or without a display write {DEFAULT_OUTPUT})"""
_RAW_HELP = "print the server's JSON, one line per method; draw only with --output"
_LIST_HELP = "list the methods, or with --method that method's parameters"
_HEADER_HELP = "one more header, such as 'Authorization: Bearer ...'; can be repeated"


def _guess_dataset(url: str) -> str:
    name = re.search(r"/models/([^/:]*)", url)
    return "fashion-mnist" if name and "fashion" in name[1].lower() else "mnist"


def _parse_index(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {TEST_SET_SIZE - 1}")
    return int(text)


def _parse_output(text: str) -> Path:
    if Path(text).suffix.lower() not in (*_FORMATS, _PAGE):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in {', '.join((*_FORMATS, _PAGE))}")
    return Path(text)
