"""Guided backpropagation of a neuron.

The neuron's gradient, of which each ReLU passes back only the positive part, [rows, *input shape].
"""

from captum.attr import NeuronGuidedBackprop

from captum_explainer.catalogue.method import About, Method, Takes

METHOD = Method(
    NeuronGuidedBackprop,
    about=About(
        summary="Guided backpropagation from one neuron of a layer instead of the score.",
        when="The pattern in the picture that excites a neuron, with less noise than its gradient.",
        cost="below - 1",
        paper="Springenberg et al., Striving for Simplicity, https://arxiv.org/abs/1412.6806",
    ),
    needs="structure",
    family="neuron",
    takes=Takes(smooth=True, target=False),
    backward="nonlinearities",
)
