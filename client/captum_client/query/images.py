"""Explains images: asks by each method, prints a line for each explanation, and draws the figure."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from captum_client.answers.aix_masks import ImageMasks, is_aix_answer, read_masks
from captum_client.answers.explanations import Explanation, read_explanations
from captum_client.errors import QueryError
from captum_client.http.answer import JsonAnswer
from captum_client.http.explainer import Explainer
from captum_client.inputs.dataset_images import CLASS_NAMES, read_test_image
from captum_client.inputs.image import InputImage
from captum_client.inputs.picture_files import read_picture
from captum_client.printable import make_printable
from captum_client.query.arguments import DEFAULT_OUTPUT
from captum_client.query.output_file import write_output
from captum_client.query.query import Query
from captum_client.terminal.spinner import show_spinner

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def explain_images(explainer: Explainer, query: Query) -> None:
    """Print a line for each explanation of each image, and draw them into a file or a window.

    Raises QueryError if an image cannot be read, the server refuses, or the figure cannot be drawn or written.
    """
    images = _read_images(query)
    answers = _ask(explainer, query, images)
    if query.json:
        print("\n".join(answer.text for answer in answers))
        if not query.output:
            return
    # AIX's masks always come from LIME, whatever the method, so the first answer is enough.
    if is_aix_answer(answers[0]):
        _show_masks(query, list(zip(images, read_masks(answers[0], images), strict=True)))
    else:
        _show_explanations(query, images, [read_explanations(answer, len(images)) for answer in answers])


def _read_images(query: Query) -> list[InputImage]:
    if query.images:
        return [InputImage(read_picture(path, query.invert), make_printable(path.name, 60)) for path in query.images]
    return [read_test_image(query.dataset, query.index, query.data_dir)]


def _ask(explainer: Explainer, query: Query, images: Sequence[InputImage]) -> list[JsonAnswer]:
    """Return one answer per method; each request carries all images."""
    instances = [image.to_instance(query.pixel_range, query.sends_colours) for image in images]
    answers = []
    methods: Sequence[str | None] = query.methods or [None]
    for method in methods:
        with show_spinner(make_printable(method or "explaining", 60)):
            answers.append(explainer.explain(query.build_request(method, instances)))
    return answers


def _show_explanations(
    query: Query, images: Sequence[InputImage], by_method: Sequence[Sequence[Sequence[Explanation]]]
) -> None:
    """Show explanations [methods, images, explanations], grouped by image."""
    pairs = [
        (image, explanation)
        for number, image in enumerate(images)
        for explanation in chain.from_iterable(by_image[number] for by_image in by_method)
    ]
    if not query.json:
        for image, explanation in pairs:
            print(f"{image.describe()}: predicted {explanation.describe_prediction()}; {explanation.describe_method()}")
    _show_figure(query, lambda figure: _draw_explanations(pairs, figure))


def _show_masks(query: Query, pairs: Sequence[tuple[InputImage, ImageMasks]]) -> None:
    names = CLASS_NAMES[query.dataset]
    if not query.json:
        for image, masks in pairs:
            print(f"{image.describe()}: {masks.describe(names)}")
    _show_figure(query, lambda figure: _draw_masks(pairs, names, figure))


# Matplotlib is imported late: it takes most of a second, and neither --json nor an error needs it.
def _draw_explanations(pairs: Sequence[tuple[InputImage, Explanation]], figure: "Figure | None") -> "Figure":
    from captum_client.figures.explanation_figure import Row, draw_explanations

    return draw_explanations([Row(*pair) for pair in pairs], figure)


def _draw_masks(
    pairs: Sequence[tuple[InputImage, ImageMasks]], names: Sequence[str], figure: "Figure | None"
) -> "Figure":
    from captum_client.figures.mask_figure import draw_masks

    return draw_masks(pairs, names, figure)


def _show_figure(query: Query, draw: "Callable[[Figure | None], Figure]") -> None:
    """Draw into the --output file. Without --output, open a window, or without a display write the default file."""
    try:
        from captum_client.figures.render import render_figure
        from captum_client.figures.window import open_window, show_window

        window = None if query.output else open_window()
        figure = draw(window)
    except ValueError as error:  # too many rows, or a wrong Matplotlib setting such as MPLBACKEND
        raise QueryError(f"The explanations cannot be drawn: {make_printable(error)}") from error
    if window:
        show_window()
        return
    path = query.output or DEFAULT_OUTPUT
    write_output(path, render_figure(figure, path.suffix[1:].lower()), keep_stdout=query.json)
