"""DeepLIFT with the rescale rule.

Contributions of the difference from the baseline, [1, *input shape]; they sum to the scores' difference.
"""

from captum.attr import DeepLift

from captum_explainer.catalogue.method import About, Method, Passes, Takes

METHOD = Method(
    DeepLift,
    about=About(
        summary="The activations' differences from a baseline, passed back by the rescale rule; they sum to the "
        "difference of logits, not of probabilities.",
        when="Contributions that add up, for the price of one gradient: the first choice if there is a meaningful "
        "baseline.",
        cost="instances * remote if instances > 1 else remote - 1",
        paper="Shrikumar et al., Learning Important Features, https://arxiv.org/abs/1704.02685",
    ),
    needs="structure",
    takes=Takes(smooth=True, baselines="one"),
    backward="nonlinearities",
    passes=Passes(one_by_one=True),
    complete=True,
)
