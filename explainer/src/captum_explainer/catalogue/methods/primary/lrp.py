"""Layer-wise relevance propagation.

The relevance of each input value, [rows, *input shape]; it sums to the score but for what biases take.
"""

from captum.attr import LRP

from captum_explainer.catalogue.method import About, Method, Passes, Takes

METHOD = Method(
    LRP,
    about=About(
        summary="The score, divided over each stage's inputs by their share in its output, from the last stage back.",
        when="Contributions without a baseline, by the epsilon rule (1e-9) at each linear stage and max-pool; "
        "of networks of ReLUs, tanh and max-pools. Biases keep their share.",
        cost="linear",
        paper="Bach et al., On Pixel-Wise Explanations, https://doi.org/10.1371/journal.pone.0130140",
    ),
    needs="structure",
    takes=Takes(smooth=True),
    backward="relevance",
    passes=Passes(repeats=True),
)
