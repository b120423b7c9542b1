"""DeepLIFT of a neuron.

Contributions to the neuron's difference from the baseline, [1, *input shape]; they sum to it.
"""

from captum.attr import NeuronDeepLift

from captum_explainer.catalogue.method import About, Method, Passes, Takes

METHOD = Method(
    NeuronDeepLift,
    about=About(
        summary="DeepLIFT's contributions to one neuron of a layer instead of the score.",
        when="What makes a neuron differ from its value at the baseline, in one pass.",
        cost="instances * below if instances > 1 else below - 1",
        paper="Shrikumar et al., Learning Important Features, https://arxiv.org/abs/1704.02685",
    ),
    needs="structure",
    family="neuron",
    takes=Takes(smooth=True, baselines="one", target=False),
    backward="nonlinearities",
    passes=Passes(one_by_one=True),
)
