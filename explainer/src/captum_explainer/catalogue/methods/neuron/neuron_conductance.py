"""The conductance of a neuron.

The part of the integrated gradients that flows from each input value through the neuron, [rows, *input shape].
"""

from captum.attr import NeuronConductance

from captum_explainer.catalogue.method import About, Method, Takes

METHOD = Method(
    NeuronConductance,
    about=About(
        summary="How much of each input value's integrated gradient flows through one neuron to the score.",
        when="Which part of the input a neuron passes on to the score. It is the only neuron method with a target.",
        cost="2 * passes",
        paper="Dhamdhere et al., How Important Is a Neuron?, https://arxiv.org/abs/1805.12233",
    ),
    needs="structure",
    family="neuron",
    takes=Takes(path=True, smooth=True, baselines="one"),
)
