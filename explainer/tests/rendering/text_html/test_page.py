import html5lib
import numpy as np
import pytest
from captum_explainer.attribution.explanations import Explanations
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.response import find_picture_writer, find_text_writer
from captum_explainer.rendering.text_html import page
from captum_explainer.rendering.text_html.page import write
from captum_explainer.rendering.text_html.visible import UNSEEN
from captum_serving.errors import BadInput
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import characters

DETAILS = {
    "method": "layer_integrated_gradients",
    "target": 1,
    "target_label": "glad",
    "prediction": 0,
    "prediction_label": "sad",
    "probability": 0.9876,
    "score": -1.5,
    "truncated": 0,
}
HTML = {"script", "style", "link", "img", "iframe", "a", "meta", "base", "object", "form"}
TEXTS = ["a text"]


def text(words, importances=None, delta=0.25):
    return {"words": words, "importances": [0.5] * len(words) if importances is None else importances, "delta": delta}


def answered(description, values, details):
    return write(Explanations(values, details, {}, np.zeros((1, 2), np.float32), []), description)


def parsed(body, charset="utf-8"):
    """The document as a browser has it: what the parser forgives is an error here."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parseFragment(body.decode(charset), container="body")
    assert parser.errors == []
    return tree


def shown(tree):
    return [element for element in tree.iter() if element.get("title") is not None]


def seen(element):
    return "".join(element.itertext())


@pytest.fixture
def body(description):
    def make(values, details=None):
        details = details or [[DETAILS] * len(one) if isinstance(one, list) else DETAILS for one in values]
        return answered(description, values, details).body

    return make


def test_the_answer_is_html_that_runs_nothing(description):
    answer = answered(description, [text(["glad"])], [DETAILS])
    assert answer.media_type == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    tree = parsed(answer.body)
    assert not HTML & {element.tag for element in tree.iter()}
    assert not [name for element in tree.iter() for name in element.attrib if name.startswith("on")]
    (box,) = tree
    assert (box.get("data-model"), box.get("data-digest")) == ("tiny", "ab" * 32)


@given(
    st.lists(st.text(characters(codec="utf-8"), min_size=1).filter(lambda word: not UNSEEN.search(word)), min_size=1)
)
@example(["<b>", "&amp;", "\"'`", "&#60;", "]]>", "<!--", "</span>", "</div>"])
@example(["שלום", "مرحبا", "👩‍👩‍👧‍👦", "🇩🇪", "e\u0301", "\u200fא", "[CLS]", "</s>", "##ing", "a  b\n\tc", " ", "\n"])
def test_words_come_out_as_they_went_in(words):
    body = answered(Description("tiny"), [text(words)], [DETAILS]).body
    # The charset cannot change it.
    for charset in ("utf-8", "latin-1", "shift_jis"):
        assert [seen(element) for element in shown(parsed(body, charset))] == words


@pytest.mark.parametrize(
    ("word", "visible"),
    [
        ("a\x00b", "a\u2400b"),
        ("\x1b[31m", "\u241b[31m"),
        ("a\rb", "a\u240db"),
        ("\x7f", "\u2421"),
        ("\x9b31m", "<U+009B>31m"),
        ("gpj\u202eexe", "gpj<U+202E>exe"),
        ("\u2066", "<U+2066>"),
        ("\ud800", "<U+D800>"),
        ("\uffff", "<U+FFFF>"),
    ],
)
def test_control_characters_are_seen_and_do_nothing(body, word, visible):
    assert [seen(element) for element in shown(parsed(body([text([word])])))] == [visible]


def test_labels_and_names_are_escaped_and_isolated(description):
    label = "<img src=x onerror=alert(1)>\u202e\"'&"
    details = DETAILS | {"prediction_label": label, "target_label": label, "method": label}
    tree = parsed(answered(description, [text(["a"])], [details]).body)
    assert "img" not in {element.tag for element in tree.iter()}
    isolated = [seen(element) for element in tree.iter("bdi")]
    assert isolated == [label.replace("\u202e", "<U+202E>")] * 2


def test_a_word_has_its_number_and_its_colour(body):
    words = shown(parsed(body([text(["bad", "and", "good"], [-0.5, 0.0, 0.25])])))
    assert [word.get("title") for word in words] == ["-0.5", "+0", "+0.25"]
    red_less_blue = []
    for word in words:
        background = dict(pair.split(":") for pair in word.get("style").split(";"))["background"]
        red_less_blue.append(int(background[1:3], 16) - int(background[5:7], 16))
    assert red_less_blue[0] < 0 == red_less_blue[1] < red_less_blue[2]


def test_the_direction_is_the_words_own_and_not_the_special_tokens(body):
    tree = parsed(body([text(["[CLS]", "שלום", "<s>", "<|end|>", "\u200fא", "good"])]))
    assert [word.tag for word in shown(tree)] == ["bdi", "span", "bdi", "bdi", "bdi", "span"]
    (paragraph,) = [element for element in tree.iter("p") if element.get("dir") == "auto"]
    # A paragraph of isolated words alone would be read from the left.
    assert paragraph[1].text == "שלום"


def test_a_row_a_label_and_a_figure_a_text(description):
    other = DETAILS | {"target_label": "sad", "score": 3.25}
    values = [[text(["one"], [0.125]), text(["one"], [0.5], None)], [text(["two"]), text(["two"])]]
    tree = parsed(answered(description, values, [[DETAILS, other]] * 2).body)
    first, second = tree.iter("figure")
    assert [seen(word) for word in shown(first)] == ["one", "one"]
    assert [seen(word) for word in shown(second)] == ["two", "two"]
    assert seen(first.find("figcaption")) == "predicted sad (98.8%) · layer_integrated_gradients"
    headings = [seen(element) for element in first.iter("p") if element.get("dir") is None]
    assert headings == [
        "for glad · score -1.5 · delta 0.25 · full colour at 0.125",
        "for sad · score 3.25 · full colour at 0.5",
    ]


def test_question_answering_has_a_row_for_each_end(description):
    ends = {"importances_answer_start": [1.0, 0.0], "importances_answer_end": [0.0, -2.0], "delta_start": 0.5}
    values = {"words": ["in", "Rome"], **ends, "delta_end": None}
    details = {"method": "layer_integrated_gradients", "prediction_label": "Rome"}
    # With top_k two answers, the second of tokens the wrong way round.
    answers = [details | {"target_label": "Rome"}, details | {"target_label": None}]
    tree = parsed(answered(description, [[values, values]], [answers]).body)
    assert [seen(word) for word in shown(tree)] == ["in", "Rome"] * 4
    assert [word.get("title") for word in shown(tree)] == ["+1", "+0", "+0", "-2"] * 2
    headings = [seen(element) for element in tree.iter("p") if element.get("dir") is None]
    assert headings[:4] == [
        "start of the answer Rome · delta 0.5 · full colour at 1",
        "end of the answer Rome · full colour at 2",
        "start of the answer · delta 0.5 · full colour at 1",
        "end of the answer · full colour at 2",
    ]


def test_a_token_that_is_classified_is_named(description):
    found = text(["in", "Rome"], np.array([0.5, -0.25], np.float32))
    tree = parsed(answered(description, [found], [DETAILS | {"target_label": "LOC", "token_text": "<Rome>"}]).body)
    assert [word.get("title") for word in shown(tree)] == ["+0.5", "-0.25"]
    assert "predicted sad at <Rome> (98.8%)" in seen(tree)
    assert "for LOC at <Rome> · score -1.5" in seen(tree)


def test_what_is_cut_off_is_said(description):
    for truncated, said in ((0, False), (False, False), (True, True), (7, True)):
        page = answered(description, [text(["a"])], [DETAILS | {"truncated": truncated}]).body
        assert (b"cut off" in page) == said


@pytest.mark.parametrize("words", [[], ["a", "b"]])
def test_nothing_that_counts_is_said(body, words):
    tree = parsed(body([text(words, [0.0] * len(words))]))
    assert "no word counts" in seen(tree)
    assert len(shown(tree)) == len(words)


def test_a_writer_is_found_by_the_render_then_by_accept(images):
    assert find_text_writer("html", "application/json") is page.write
    assert find_text_writer(None, "text/html,image/png,*/*;q=0.8") is page.write
    assert find_text_writer(None, "*/*") is find_text_writer(None, "image/png") is None
    # A browser, of a model of pictures.
    assert find_picture_writer(None, "text/html,image/png,*/*;q=0.8", images).__func__.__qualname__ == "PngWriter.write"
    assert find_picture_writer(None, "text/html", images) is None
    with pytest.raises(BadInput, match=r'render is "png", which shows pictures; expected "html" for this model'):
        find_text_writer("png", "text/html")
    with pytest.raises(BadInput, match=r'render is "html", which shows texts; expected "png" for this model'):
        find_picture_writer("html", "", images)
