"""Integrated gradients of a neuron.

The integral of a neuron's gradient from baseline to input, [rows, *input shape].
"""

from captum.attr import NeuronIntegratedGradients

from captum_explainer.catalogue.method import About, Method, Takes

METHOD = Method(
    NeuronIntegratedGradients,
    about=About(
        summary="Integrated gradients for one neuron of a layer instead of the score.",
        when="What makes a neuron differ from its value at the baseline. The contributions add up to that difference.",
        cost="passes",
        paper="Sundararajan et al., Axiomatic Attribution for Deep Networks, https://arxiv.org/abs/1703.01365",
    ),
    needs="structure",
    family="neuron",
    takes=Takes(path=True, smooth=True, baselines="one", target=False),
)
