"""Internal influence.

The mean gradient with respect to the layer's output along the path from baseline to input, [rows, *the layer's shape].
"""

from captum.attr import InternalInfluence

from captum_explainer.catalogue.method import About, Method, Passes, Takes
from captum_explainer.catalogue.path_integral import list_points

METHOD = Method(
    InternalInfluence,
    about=About(
        summary="The gradient with respect to a layer's output, averaged along the straight path from the baseline to "
        "the input.",
        when="Which units of a layer the score follows between baseline and input. It is a slope, not a contribution.",
        cost="passes if passes > 1 else 0",
        paper="Leino et al., Influence-Directed Explanations, https://arxiv.org/abs/1802.03788",
    ),
    needs="structure",
    family="layer",
    takes=Takes(path=True, smooth=True, baselines="one"),
    passes=Passes(points=list_points),
)
