"""Internal influence.

The mean gradient by the layer's output along the path from baseline to input, [rows, *the layer's shape].
"""

from captum.attr import InternalInfluence

from captum_explainer.catalogue.method import About, Method, Passes, Takes
from captum_explainer.catalogue.path_integral import points

METHOD = Method(
    InternalInfluence,
    about=About(
        summary="The gradient by a layer's output, averaged along the straight path from the baseline to the input.",
        when="Which of a layer's units the score follows, from the baseline to the instance: a slope and no share.",
        cost="passes if passes > 1 else 0",
        paper="Leino et al., Influence-Directed Explanations, https://arxiv.org/abs/1802.03788",
    ),
    needs="structure",
    family="layer",
    takes=Takes(
        path=True,
        smooth=True,
        baselines="one",
    ),
    passes=Passes(points=points),
)
