"""Layer-wise relevance propagation.

The relevance of each input value, [rows, *input shape]; it sums to the score less what the biases take.
"""

from captum.attr import LRP

from captum_explainer.catalogue.method import About, Method, Passes, Takes

METHOD = Method(
    LRP,
    about=About(
        summary="The score, divided among each stage's inputs by their share in its output, from the last stage back.",
        when="Contributions without a baseline, for networks of ReLUs, tanh and max-pools. Linear stages and max-pools "
        "follow the epsilon rule (1e-9). Biases keep their share.",
        cost="linear",
        paper="Bach et al., On Pixel-Wise Explanations, https://doi.org/10.1371/journal.pone.0130140",
    ),
    needs="structure",
    takes=Takes(smooth=True),
    backward="relevance",
    passes=Passes(repeats=True),
)
