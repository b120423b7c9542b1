"""Ask a kserve-captum explainer for explanations and show them; see --help."""

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

try:
    from captum_client.answers.aix_masks import Masks, is_aix, read_masks
    from captum_client.answers.explanations import Explanation, read_explanations
    from captum_client.errors import QueryError
    from captum_client.http.answer import Answer
    from captum_client.http.explainer import Explainer
    from captum_client.inputs.dataset_images import CLASS_NAMES, read_test_image
    from captum_client.inputs.image import InputImage
    from captum_client.inputs.picture_files import read_picture
    from captum_client.printable import printable
    from captum_client.query.arguments import DEFAULT_OUTPUT, parse_arguments
    from captum_client.query.query import Query
    from captum_client.query.texts import explain_texts
    from captum_client.terminal.method_table import method_lines
    from captum_client.terminal.spinner import spinner
except ModuleNotFoundError as missing:
    requirements = Path(__file__).resolve().parent / "requirements.txt"
    sys.exit(f"error: {missing.name} is not installed.\nhint: python -m pip install -r {requirements}")

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments `argv` (default: the process's own) and return its exit code."""
    query = parse_arguments(argv)
    try:
        _run(query)
    except QueryError as error:
        print(f"error: {error.sentence}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _run(query: Query) -> None:
    with Explainer(query.url, query.host, query.headers, query.timeout) as explainer:
        if query.list_methods:
            _list_methods(explainer, query)
        else:
            _explain(explainer, query)


def _list_methods(explainer: Explainer, query: Query) -> None:
    with spinner("methods"):
        answer = explainer.methods()
    print("\n".join([answer.text] if query.json else method_lines(answer, query.methods)))


def _explain(explainer: Explainer, query: Query) -> None:
    if query.output and not query.output.parent.is_dir():
        raise QueryError(f"--output: there is no folder {printable(query.output.parent)}.")
    if query.texts:
        explain_texts(explainer, query)
        return
    images = _images(query)
    answers = _ask(explainer, query, images)
    if query.json:
        print("\n".join(answer.text for answer in answers))
        if not query.output:
            return
    if is_aix(answers[0]):
        _show_masks(query, list(zip(images, read_masks(answers[0], images), strict=True)))
        return
    explained = [read_explanations(answer, len(images)) for answer in answers]
    pairs = [
        (image, explanation)
        for number, image in enumerate(images)
        for explanation in chain.from_iterable(of_method[number] for of_method in explained)
    ]
    if not query.json:
        for image, explanation in pairs:
            print(f"{image.words()}: predicted {explanation.prediction_words()}; {explanation.method_words()}")
    _draw(query, lambda figure: _explanations(pairs, figure))


def _show_masks(query: Query, pairs: Sequence[tuple[InputImage, Masks]]) -> None:
    """AIX's answer: its masks are by LIME, whatever the method, so that one answer is all there is."""
    names = CLASS_NAMES[query.dataset]
    if not query.json:
        for image, masks in pairs:
            print(f"{image.words()}: {masks.words(names)}")
    _draw(query, lambda figure: _masks(pairs, names, figure))


def _images(query: Query) -> list[InputImage]:
    if query.images:
        return [InputImage(read_picture(path, query.invert), printable(path.name, 60)) for path in query.images]
    return [read_test_image(query.dataset, query.index, query.data_dir)]


def _ask(explainer: Explainer, query: Query, images: Sequence[InputImage]) -> list[Answer]:
    """One answer a method: a request carries all images."""
    instances = [image.instance(query.pixel_range, query.colours) for image in images]
    answers = []
    methods: Sequence[str | None] = query.methods or [None]
    for method in methods:
        with spinner(printable(method or "explaining", 60)):
            answers.append(explainer.explain(query.request_for(method, instances)))
    return answers


# What draws is imported late: it takes most of a second, which --json and every error need not wait for.
def _explanations(pairs: Sequence[tuple[InputImage, Explanation]], figure: "Figure | None") -> "Figure":
    from captum_client.figures.explanation_figure import Row, draw_explanations

    return draw_explanations([Row(*pair) for pair in pairs], figure)


def _masks(pairs: Sequence[tuple[InputImage, Masks]], names: Sequence[str], figure: "Figure | None") -> "Figure":
    from captum_client.figures.mask_figure import draw_masks

    return draw_masks(pairs, names, figure)


def _draw(query: Query, draw: "Callable[[Figure | None], Figure]") -> None:
    """Draw into the file that was asked for, else into a window, else into the default file."""
    try:
        from captum_client.figures.window import show_window, window_figure

        window = None if query.output else window_figure()
        figure = draw(window)
    except ValueError as error:  # too many rows, or matplotlib's own settings, as MPLBACKEND, are wrong
        raise QueryError(f"The explanations cannot be drawn: {printable(error)}") from error
    if window:
        show_window()
        return
    path = query.output or DEFAULT_OUTPUT
    _save(figure, path)
    print(f"Wrote {path}", file=sys.stderr if query.json else sys.stdout)


def _save(figure: "Figure", path: Path) -> None:
    """Rendered in memory first, so that a failure leaves no half a picture."""
    rendered = BytesIO()
    with warnings.catch_warnings():
        # A label in a script that matplotlib's font lacks is drawn as boxes; the summary has it in full.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(rendered, format=path.suffix[1:].lower(), dpi=150)
    try:
        path.write_bytes(rendered.getvalue())
    except OSError as error:
        raise QueryError(
            f"{printable(path)} cannot be written: {error.strerror}.", "Choose another --output."
        ) from error


def _command() -> int:
    for stream in (sys.stdout, sys.stderr):
        # A label may have characters that the terminal's encoding lacks.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # the process's own are TextIOWrapper
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader left, as `| head` does; Python would flush, and complain, once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


if __name__ == "__main__":
    sys.exit(_command())
