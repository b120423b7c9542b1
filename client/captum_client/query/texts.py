"""Explains texts: asks by each method, prints the words, and writes the server's HTML."""

import sys
from collections.abc import Sequence

from captum_client.answers.word_importances import read_word_importances
from captum_client.http.explainer import Explainer
from captum_client.printable import make_printable
from captum_client.query.output_file import write_output
from captum_client.query.query import Query
from captum_client.terminal.spinner import show_spinner
from captum_client.terminal.word_colours import format_words, has_colours


def explain_texts(explainer: Explainer, query: Query) -> None:
    """Print each text's words for each method, coloured by importance. With --output, also write the server's HTML.

    Raises QueryError if the server refuses or the file cannot be written.
    """
    methods: Sequence[str | None] = query.methods or [None]
    pages = []
    for method in methods:
        request = query.build_request(method, query.texts)
        with show_spinner(make_printable(method or "explaining", 60)):
            answer = explainer.explain(request)
            if query.output:
                pages.append(explainer.fetch_page({**request, "render": "html"}))
        if query.json:
            print(answer.text)
            continue
        for rows in read_word_importances(answer, len(query.texts)):
            for row in rows:
                print(row.describe())
                print("\n".join(format_words(row, has_colours(sys.stdout))))
    if query.output:
        write_output(query.output, "".join(pages).encode(), keep_stdout=query.json)
