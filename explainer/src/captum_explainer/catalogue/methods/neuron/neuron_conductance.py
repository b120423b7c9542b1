"""The conductance of a neuron.

What of the integrated gradients flows from each input value through the neuron, [rows, *input shape].
"""

from captum.attr import NeuronConductance

from captum_explainer.catalogue.method import About, Method, Takes
from captum_explainer.catalogue.methods.layer.layer_conductance import METHOD as LAYER_CONDUCTANCE

METHOD = Method(
    NeuronConductance,
    about=About(
        summary="How much of each input value's integrated gradient flows through one neuron to the score.",
        when="Which part of the input a neuron passes on to the score: the one neuron's method that has a target.",
        cost="2 * passes",
        paper=LAYER_CONDUCTANCE.about.paper,
    ),
    needs="structure",
    family="neuron",
    takes=Takes(
        path=True,
        smooth=True,
        baselines="one",
    ),
)
