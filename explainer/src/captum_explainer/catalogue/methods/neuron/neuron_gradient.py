"""The gradient of a neuron.

The gradient of one neuron of a layer with respect to the input, [rows, *input shape].
"""

from captum.attr import NeuronGradient

from captum_explainer.catalogue.method import About, Method, Takes

METHOD = Method(
    NeuronGradient,
    about=About(
        summary="The gradient of one neuron of a layer with respect to each input value.",
        when="Where a small change moves a neuron most.",
        cost="0",
        paper="Simonyan et al., Deep Inside Convolutional Networks, https://arxiv.org/abs/1312.6034",
    ),
    needs="structure",
    family="neuron",
    takes=Takes(smooth=True, target=False),
)
