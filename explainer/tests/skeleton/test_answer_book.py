import gc
import weakref

import numpy as np
import pytest
from captum_explainer.attribution.expected_cotangents import expect_targets
from captum_explainer.predictor_client.exchange import Derivative, Exchange, StraightPath
from captum_explainer.skeleton import answer_book
from captum_explainer.skeleton.answer_book import AnswerBook, Known
from captum_explainer.skeleton.cuts import Cuts, cut
from captum_explainer.skeleton.forward_pass import ForwardPass

ROWS = np.random.default_rng(0).random((2, 1, 6, 6), np.float32)
COTANGENT = np.eye(3, dtype=np.float32)[:2]
NODES, WEIGHTS = np.array([0.25, 0.75], np.float32), np.array([0.5, 0.5], np.float32)
PATH = StraightPath(np.zeros_like(ROWS), NODES, WEIGHTS)


def exchange(rows=ROWS, sinks=("logits",), cotangent=None, source="image", path=None, differentiable=False):
    derivative = None if cotangent is None else Derivative((source,), {sinks[-1]: cotangent}, path=path)
    return Exchange({source: rows}, sinks, derivative, differentiable=differentiable)


def differentiable(rows=ROWS, sinks=("logits",), source="image"):
    return exchange(rows, sinks, source=source, differentiable=True)


def assert_same(answer, expected):
    for ours, others in ((answer.values, expected.values), (answer.gradients, expected.gradients)):
        assert ours.keys() == others.keys()
        for name, array in others.items():
            np.testing.assert_array_equal(ours[name], array, strict=True)


@pytest.fixture
def truth(stages, make_predictor):
    """What the network says, asked behind the book's back."""
    return make_predictor(stages).answer


@pytest.fixture
def book(local_predictor):
    return AnswerBook(local_predictor)


@pytest.fixture
def known(truth):
    answer = truth(exchange(sinks=("relu", "logits"), cotangent=COTANGENT))
    return Known({"image": ROWS, **answer.values}, {"logits": COTANGENT}, answer.gradients)


@pytest.fixture
def forward(description):
    return ForwardPass.find(cut(description, Cuts(nonlinearities=True)))


def test_what_is_known_is_not_asked_for(book, known, local_predictor, truth):
    book.keep(known)
    for question in (
        exchange(ROWS.copy()),
        exchange(sinks=("logits", "relu")),
        exchange(cotangent=COTANGENT.copy()),
        exchange(known.values["relu"].copy(), source="relu"),
        differentiable(),
    ):
        assert_same(book.answer(question), truth(question))
    assert local_predictor.exchanges == []


ANOTHER = {
    "other rows": exchange(np.nextafter(ROWS, 1)),
    "fewer rows": exchange(ROWS[:1]),
    "another cotangent": exchange(cotangent=np.nextafter(COTANGENT, 1)),
    "another sink's cotangent": exchange(sinks=("relu",), cotangent=np.ones((2, 2, 6, 6), np.float32)),
    "another sink": exchange(sinks=("flat",)),
    "one more sink": exchange(sinks=("logits", "flat")),
    "an inner source's other rows": exchange(np.ones((2, 2, 6, 6), np.float32), source="relu"),
    "another source": exchange(np.ones((2, 2, 6, 6), np.float32), source="conv"),
    "a path": exchange(cotangent=COTANGENT, path=PATH),
}


@pytest.mark.parametrize("question", ANOTHER.values(), ids=ANOTHER)
def test_another_question_is_asked(question, book, known, local_predictor, truth):
    book.keep(known)
    assert_same(book.answer(question), truth(question))
    assert local_predictor.exchanges == [question]


def test_values_without_gradients_answer_no_cotangent(book, known, local_predictor, truth):
    book.keep(Known(known.values))
    question = exchange(cotangent=COTANGENT)
    assert_same(book.answer(question), truth(question))
    assert local_predictor.exchanges == [question]


def test_a_gradient_by_one_value_is_none_by_another(book, known, local_predictor, truth):
    book.keep(known)
    question = exchange(known.values["relu"], cotangent=COTANGENT, source="relu")
    assert_same(book.answer(question), truth(question))
    assert local_predictor.exchanges == [question]


OTHERS = [
    PATH._replace(starts=PATH.starts + np.float32(0.5)),
    PATH._replace(nodes=np.nextafter(NODES, 1)),
    PATH._replace(weights=np.nextafter(WEIGHTS, 1)),
    None,
]


@pytest.mark.parametrize("other", OTHERS, ids=["starts", "nodes", "weights", "no path"])
def test_an_integral_answers_for_its_path_alone(other, book, local_predictor, truth):
    along = truth(exchange(cotangent=COTANGENT, path=PATH))
    book.keep(Known({"image": ROWS}, {"logits": COTANGENT}, along.gradients, PATH))
    same = Exchange({"image": ROWS}, (), Derivative(("image",), {"logits": COTANGENT}, path=PATH))
    assert_same(book.answer(same), truth(same))
    assert local_predictor.exchanges == []
    question = Exchange({"image": ROWS}, (), Derivative(("image",), {"logits": COTANGENT}, path=other))
    assert_same(book.answer(question), truth(question))
    assert local_predictor.exchanges == [question]


def test_a_pass_is_asked_whole_once_where_it_begins_and_its_rows_are_new(book, forward, local_predictor, truth):
    book.expect(forward, {})
    pooled = truth(exchange(sinks=("pool",))).values["pool"]
    for _ in range(2):
        for question in (exchange(sinks=("conv",)), exchange(pooled, source="pool")):
            assert_same(book.answer(question), truth(question))
    assert local_predictor.asked == [("image", ("conv", "logits"), False)]
    book.answer(exchange(ROWS / 2, sinks=("conv",)))
    assert local_predictor.asked[1:] == [("image", ("conv", "logits"), False)]
    # Neither rows in the middle of the pass nor a gradient begin one.
    for question in (
        exchange(np.ones((1, 2, 3, 3), np.float32), source="pool"),
        exchange(sinks=("conv",), cotangent=np.ones((2, 2, 6, 6), np.float32)),
    ):
        assert_same(book.answer(question), truth(question))
    assert local_predictor.asked[2:] == [("pool", "logits", False), ("image", "conv", True)]


def test_the_last_pieces_expected_gradient_comes_with_the_whole_pass(book, forward, local_predictor, truth):
    book.expect(forward, {"logits": expect_targets([0, 1], 3)})
    book.answer(differentiable(sinks=("conv",)))
    pooled = truth(exchange(sinks=("pool",))).values["pool"]
    for question in (differentiable(pooled, source="pool"), exchange(pooled, cotangent=COTANGENT, source="pool")):
        assert_same(book.answer(question), truth(question))
    assert local_predictor.asked == [("image", ("conv", "logits"), True)]
    another = exchange(pooled, cotangent=2 * COTANGENT, source="pool")
    assert_same(book.answer(another), truth(another))
    assert local_predictor.asked[1:] == [("pool", "logits", True)]


def test_where_one_call_cannot_carry_the_pass_each_piece_is_asked(forward, plain_predictor, truth):
    book = AnswerBook(plain_predictor)
    book.expect(forward, {})
    pooled = truth(exchange(sinks=("pool",))).values["pool"]
    for question in (exchange(sinks=("conv",)), exchange(pooled, source="pool")):
        assert_same(book.answer(question), truth(question))
    assert plain_predictor.asked == [("image", "conv", False), ("pool", "logits", False)]


def test_an_expected_cotangent_travels_with_the_forward_call(book, local_predictor, truth):
    book.expect(None, {"logits": expect_targets([0, 1], 3)})
    for question in (differentiable(), exchange(cotangent=COTANGENT)):
        assert_same(book.answer(question), truth(question))
    assert local_predictor.asked == [("image", "logits", True)]


def test_where_another_cotangent_comes_it_costs_a_call_and_the_gradient_is_its_own(book, local_predictor, truth):
    book.expect(None, {"logits": expect_targets([2, 2], 3)})
    book.answer(differentiable())
    question = exchange(cotangent=COTANGENT)
    assert_same(book.answer(question), truth(question))
    assert local_predictor.asked == [("image", "logits", True)] * 2


@pytest.mark.parametrize(
    "expected",
    [{}, {"logits": lambda rows: None}, {"conv": expect_targets([0, 1], 3)}],
    ids=["none", "unknown", "other"],
)
def test_without_an_expected_cotangent_the_gradient_is_a_second_call(expected, book, local_predictor, truth):
    book.expect(None, expected)
    for question in (differentiable(), exchange(cotangent=COTANGENT)):
        assert_same(book.answer(question), truth(question))
    assert local_predictor.asked == [("image", "logits", False), ("image", "logits", True)]


def test_where_no_gradient_is_wanted_none_is_asked_for(book, local_predictor):
    book.expect(None, {"logits": expect_targets([0, 1], 3)})
    assert book.answer(exchange()).gradients == {}
    assert local_predictor.asked == [("image", "logits", False)]


def test_what_is_kept_is_known_to_later_captum_calls_too(book, known, local_predictor):
    book.keep(known)
    for _ in range(2):
        book.expect(None, {})
        book.answer(exchange(cotangent=COTANGENT))
    assert local_predictor.exchanges == []


def test_the_pass_under_way_is_forgotten_where_another_captum_call_begins(book, forward, local_predictor):
    for _ in range(2):
        book.expect(forward, {})
        book.answer(exchange(sinks=("conv",)))
    assert local_predictor.asked == [("image", ("conv", "logits"), False)] * 2
    local_predictor.exchanges.clear()
    for _ in range(2):
        book.expect(None, {"logits": expect_targets([0, 1], 3)})
        book.answer(differentiable())
    assert local_predictor.asked == [("image", "logits", True)] * 2


@pytest.mark.parametrize("whole", [False, True])
def test_a_pass_is_let_go_where_the_next_one_begins(whole, local_predictor, forward):
    """Or a path of 1,000 steps would be held with its gradients, whatever internal_batch_size says."""
    book = AnswerBook(local_predictor)
    book.expect(forward if whole else None, {"logits": expect_targets([0, 1], 3)})
    sinks = ("conv",) if whole else ("logits",)
    held = []
    for scale in (1, 2, 3):
        rows = scale * ROWS
        held.append(weakref.ref(rows))
        book.answer(differentiable(rows, sinks))
    del rows
    local_predictor.exchanges.clear()
    gc.collect()
    assert [one() is not None for one in held] == [False, False, True]


def test_without_repeats_the_same_rows_are_asked_about_again(book, local_predictor):
    for _ in range(2):
        book.answer(exchange())
    assert local_predictor.asked == [("image", "logits", False)] * 2


def test_with_repeats_the_same_rows_are_asked_about_once(local_predictor, truth):
    book = AnswerBook(local_predictor, repeats=True)
    for _ in range(2):
        assert_same(book.answer(exchange(ROWS.copy())), truth(exchange()))
    assert local_predictor.asked == [("image", "logits", False)]
    book.expect(None, {})
    book.answer(exchange())
    assert len(local_predictor.exchanges) == 1, "what is remembered serves later Captum calls too"


SIGNED = ROWS.reshape(1, 2, 6, 6) - np.float32(0.5)
PAIRS = {
    "rows": (exchange(), exchange(ROWS / 2)),
    "sinks": (exchange(), exchange(sinks=("conv",))),
    "shapes": (exchange(sinks=("conv",)), exchange(ROWS.reshape(1, 1, 12, 6), sinks=("conv",))),
    "sources": (exchange(SIGNED, source="conv"), exchange(SIGNED, source="relu")),
}


@pytest.mark.parametrize(("one", "other"), PAIRS.values(), ids=PAIRS)
def test_what_differs_in_rows_shapes_sources_or_sinks_is_another_question(one, other, local_predictor, truth):
    book = AnswerBook(local_predictor, repeats=True)
    for question in (one, other):
        assert_same(book.answer(question), truth(question))
    assert len(local_predictor.exchanges) == 2


def test_gradients_are_not_remembered(local_predictor, truth):
    book = AnswerBook(local_predictor, repeats=True)
    for cotangent in np.eye(3, dtype=np.float32)[:2, None]:
        question = exchange(ROWS[:1], cotangent=cotangent)
        for _ in range(2):
            assert_same(book.answer(question), truth(question))
    assert local_predictor.asked == [("image", "logits", True)] * 4


def test_no_more_is_remembered_than_its_bytes_allow(local_predictor, truth, monkeypatch):
    # Scores of two rows and three classes are 24 bytes: two of such answers are held, the third is not.
    monkeypatch.setattr(answer_book, "MOST_REMEMBERED_BYTES", 2 * 24)
    book = AnswerBook(local_predictor, repeats=True)
    for scale in (1, 2, 3, 1, 2, 3):
        question = exchange(np.float32(scale) * ROWS)
        assert_same(book.answer(question), truth(question))
    asked = [float(one.sources["image"][0, 0, 0, 0] / ROWS[0, 0, 0, 0]) for one in local_predictor.exchanges]
    assert asked == pytest.approx([1, 2, 3, 3])


def test_it_carries_what_the_predictor_does(local_predictor, plain_predictor):
    several = exchange(sinks=("conv", "logits"))
    assert AnswerBook(local_predictor).carries(several)
    assert not AnswerBook(plain_predictor).carries(several)
