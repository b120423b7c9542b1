"""Guided backpropagation of a neuron.

The neuron's gradient of which each ReLU passes only the positive part, [rows, *input shape].
"""

from captum.attr import NeuronGuidedBackprop

from captum_explainer.catalogue.method import About, Method, Takes
from captum_explainer.catalogue.methods.primary.guided_backprop import METHOD as GUIDED_BACKPROP

METHOD = Method(
    NeuronGuidedBackprop,
    about=About(
        summary="Guided backpropagation from one neuron of a layer instead of the score.",
        when="The pattern in the picture that excites a neuron, with less noise than its gradient.",
        cost="below - 1",
        paper=GUIDED_BACKPROP.about.paper,
    ),
    needs="structure",
    family="neuron",
    takes=Takes(smooth=True, target=False),
    backward="nonlinearities",
)
