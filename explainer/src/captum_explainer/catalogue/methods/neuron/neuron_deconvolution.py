"""Deconvolution of a neuron.

The neuron's gradient, to which each ReLU is applied on its way back, [rows, *input shape].
"""

from captum.attr import NeuronDeconvolution

from captum_explainer.catalogue.method import About, Method, Takes

METHOD = Method(
    NeuronDeconvolution,
    about=About(
        summary="Deconvolution from one neuron of a layer instead of the score.",
        when="The pattern in the picture that excites a neuron, in sharp lines.",
        cost="below - 1",
        paper="Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, https://arxiv.org/abs/1311.2901",
    ),
    needs="structure",
    family="neuron",
    takes=Takes(smooth=True, target=False),
    backward="nonlinearities",
)
