import pytest
from captum_explainer.rendering.negotiate import prefers

FIREFOX = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,image/svg+xml,*/*;q=0.8"
)


@pytest.mark.parametrize(
    "accept",
    [
        "image/png",
        "image/*",
        "image/png, */*;q=0.5",
        "application/json;q=0.5, image/png;q=0.6",
        "image/avif,image/webp,*/*;q=0.1,image/*;q=0.2",
        "image/png ; q=0.001",
        FIREFOX,
    ],
)
def test_whoever_rates_png_higher_gets_it(accept):
    assert prefers(accept, "image/png")


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "image/png, application/json",
        "image/png;q=0.5, application/json",
        "image/png;q=0.5, */*",
        "image/png;q=0",
        "image/png;q=0, image/*",
        "image/png;q=high",
        "image/png;q=nan",
        "image/png;q=7",
        "image/webp",
        "text/html",
        ";;,,q=1",
    ],
)
def test_everybody_else_gets_json(accept):
    assert not prefers(accept, "image/png")


@pytest.mark.parametrize("accept", ["text/html", "text/*", FIREFOX])
def test_a_page_is_asked_for_in_the_same_way(accept):
    assert prefers(accept, "text/html")
    assert not prefers("*/*", "text/html")
