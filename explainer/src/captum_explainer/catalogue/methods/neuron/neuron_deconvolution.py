"""Deconvolution of a neuron.

What comes back from the neuron where each ReLU is applied to the gradient, [rows, *input shape].
"""

from captum.attr import NeuronDeconvolution

from captum_explainer.catalogue.method import About, Method, Takes
from captum_explainer.catalogue.methods.primary.deconvolution import METHOD as DECONVOLUTION

METHOD = Method(
    NeuronDeconvolution,
    about=About(
        summary="Deconvolution from one neuron of a layer instead of the score.",
        when="The pattern in the picture that excites a neuron, in sharp strokes.",
        cost="below - 1",
        paper=DECONVOLUTION.about.paper,
    ),
    needs="structure",
    family="neuron",
    takes=Takes(smooth=True, target=False),
    backward="nonlinearities",
)
