"""Input times gradient.

The input times its gradient, [rows, *input shape]; positive values raise the score.
"""

from captum.attr import InputXGradient

from captum_explainer.catalogue.method import About, Method, Takes

METHOD = Method(
    InputXGradient,
    about=About(
        summary="Each input value times its gradient: the linear part of the score.",
        when="The quickest contributions: exact for a linear model, rough for any other.",
        cost="0",
        paper="Shrikumar et al., Not Just a Black Box, https://arxiv.org/abs/1605.01713",
    ),
    takes=Takes(smooth=True),
)
