"""The segments of an instance, within the server's limits."""

from captum_serving.errors import BadInput
from torch import Tensor

from captum_explainer.catalogue.resolve import Resolved
from captum_explainer.inputs.superpixels import segment


def find_segments(instance: Tensor, resolved: Resolved, value_range: tuple[float, float] | None, most: int) -> Tensor:
    """The segment of each value: int64 [1, *input shape].

    Args:
        instance: float32 [*input shape].
        resolved: The method and its parameters, with `segmentation` and `n_segments`.
        value_range: The input's range, as the model declares it.
        most: The most segments, and the most evaluations of perturbed inputs.

    Raises:
        BadInput: The instance has too few segments, or too many.
    """
    mask = segment(instance, resolved["segmentation"], resolved["n_segments"], value_range)
    count = int(mask.max()) + 1
    evaluations = resolved.method.takes.evaluations
    if resolved.method.passes.random and count < 2:
        raise BadInput(f"segmentation {resolved['segmentation']!r} finds one segment; expected two or more: try 'grid'")
    if count > most:
        raise BadInput(f"{count} segments; expected at most {most} (the server's limit, --max_perturbations)")
    if evaluations is not None and evaluations(count, resolved.values) > most:
        raise BadInput(
            f"{resolved.name} of {count} segments makes more than {most} evaluations (the server's limit, "
            "--max_perturbations); expected fewer: lower n_segments"
        )
    return mask
