"""DeepLIFT of a layer.

Contributions of the layer's differences from the baseline's, [1, *the layer's shape].
"""

from captum.attr import LayerDeepLift

from captum_explainer.catalogue.method import About, Method, Passes, Takes

METHOD = Method(
    LayerDeepLift,
    about=About(
        summary="DeepLIFT's contributions of a layer's units instead of the input's values; they sum to the difference "
        "of logits, not of probabilities.",
        when="Which units of a layer make the score differ from the baseline's. The contributions add up.",
        cost="instances * above if instances > 1 else above - 1",
        paper="Shrikumar et al., Learning Important Features, https://arxiv.org/abs/1704.02685",
    ),
    needs="structure",
    family="layer",
    takes=Takes(smooth=True, baselines="one"),
    backward="nonlinearities",
    passes=Passes(one_by_one=True),
    complete=True,
)
