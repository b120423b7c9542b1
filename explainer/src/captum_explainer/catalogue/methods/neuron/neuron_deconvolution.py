"""Deconvolution of a neuron.

What comes back from the neuron where each ReLU is applied to the gradient, [rows, *input shape].
"""

from captum.attr import NeuronDeconvolution

from captum_explainer.catalogue.method import About, Method, Takes

METHOD = Method(
    NeuronDeconvolution,
    about=About(
        summary="Deconvolution from one neuron of a layer instead of the score.",
        when="The pattern in the picture that excites a neuron, in sharp strokes.",
        cost="below - 1",
        paper="Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, https://arxiv.org/abs/1311.2901",
    ),
    needs="structure",
    family="neuron",
    takes=Takes(smooth=True, target=False),
    backward="nonlinearities",
)
