"""The conductance of a layer.

The part of the integrated gradients that flows through each unit of the layer, [rows, *the layer's shape].
"""

from captum.attr import LayerConductance

from captum_explainer.catalogue.method import About, Method, Passes, Takes

METHOD = Method(
    LayerConductance,
    about=About(
        summary="How much of the integrated gradients from baseline to input flows through each unit of a layer.",
        when="Which units of a layer matter for the score. Layers are comparable, because all have the same sum.",
        cost="passes",
        paper="Dhamdhere et al., How Important Is a Neuron?, https://arxiv.org/abs/1805.12233",
    ),
    needs="structure",
    family="layer",
    takes=Takes(path=True, smooth=True, baselines="one"),
    passes=Passes(rows_an_instance=2),
    complete=True,
)
