import pytest
from captum_explainer.rendering.options import Render, check_html, read_render
from captum_serving.errors import BadInput


def test_the_word_png_is_the_default_look():
    assert read_render("png") == read_render({}) == read_render({"type": "png"}) == Render()


def test_an_object_names_what_is_not_the_default():
    given = {"look": "heat_map", "sign": "negative", "outlier_perc": 0.5, "cmap": None, "scale": 3, "titles": True}
    assert read_render(given) == Render("heat_map", "negative", 0.5, scale=3, titles=True)


@pytest.mark.parametrize("look", ["masked_image", "alpha_scaling"])
def test_what_can_show_one_sign_only_shows_magnitudes_unless_told(look):
    assert read_render({"look": look}).sign == "absolute_value"
    assert read_render({"look": look, "sign": "positive"}).sign == "positive"
    with pytest.raises(BadInput, match=r"render.sign is 'all'; expected 'positive', 'negative' or 'absolute_value'"):
        read_render({"look": look, "sign": "all"})


@pytest.mark.parametrize(
    ("render", "sentence"),
    [
        ("svg", "render.type: 'svg' is not known; Known: png"),
        (7, 'render is 7; expected "png" or {"type": "png", "look": ...}'),
        ([], 'render is []; expected "png" or {"type": "png", "look": ...}'),
        ("html", 'render is "html", which shows texts; expected "png" for this model'),
        ({"type": ["png"]}, "render.type: \"['png']\" is not known; did you mean 'png'?"),
        ({"type": None}, "render.type: 'None' is not known; Known: png"),
        ({"look": "heatmap"}, "render.look: 'heatmap' is not known; did you mean 'heat_map'?"),
        ({"look": ["heat_map"]}, "render.look: \"['heat_map']\" is not known; did you mean 'heat_map'?"),
        ({"sign": "absolute"}, "render.sign: 'absolute' is not known; did you mean 'absolute_value'?"),
        ({"cmap": "virids"}, "render.cmap: 'virids' is not known; did you mean 'viridis'?"),
        ({"method": "heat_map"}, "render: 'method' is not known"),
        ({"outlier_prec": 2}, "render: 'outlier_prec' is not known; did you mean 'outlier_perc'?"),
        ({"outlier_perc": 101}, "render.outlier_perc is 101; expected a number of 0 to 100"),
        ({"outlier_perc": True}, "render.outlier_perc is True; expected a number of 0 to 100"),
        ({"outlier_perc": None}, "render.outlier_perc is None; expected a number of 0 to 100"),
        ({"alpha_overlay": "0.5"}, "render.alpha_overlay is '0.5'; expected a number of 0 to 1"),
        ({"scale": 0}, "render.scale is 0; expected a whole number of 1 to 64"),
        ({"scale": 2.5}, "render.scale is 2.5; expected a whole number of 1 to 64"),
        ({"titles": "yes"}, "render.titles is 'yes'; expected true or false"),
        ({"show_colorbar": None}, "render.show_colorbar is None; expected true or false"),
        ({"look": "masked_image", "show_colorbar": True}, "render.show_colorbar: a masked_image has no colours"),
    ],
)
def test_what_is_not_known_is_refused(render, sentence):
    with pytest.raises(BadInput) as refusal:
        read_render(render)
    assert refusal.value.sentence.startswith(sentence)


@pytest.mark.parametrize("render", ["html", {"type": "html"}, {}])
def test_texts_have_one_look(render):
    check_html(render)


@pytest.mark.parametrize(
    ("render", "sentence"),
    [
        ("png", 'render is "png", which shows pictures; expected "html" for this model'),
        ({"type": "png", "type_": 1}, "render: 'type_' is not known; did you mean 'type'?"),
        ("htm", "render.type: 'htm' is not known; did you mean 'html'?"),
        (7, 'render is 7; expected "html" or {"type": "html"}'),
        ({"type": "html", "look": "heat_map"}, "render: 'look' is not known"),
        ({"type": ["png"]}, "render.type: \"['png']\" is not known; Known: html"),
    ],
)
def test_of_texts_nothing_else_is_taken(render, sentence):
    with pytest.raises(BadInput) as refusal:
        check_html(render)
    assert refusal.value.sentence.startswith(sentence)
