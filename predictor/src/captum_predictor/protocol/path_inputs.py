"""Reads the request's inputs that describe paths to the source's rows."""

from collections.abc import Callable, Mapping

from captum_serving.errors import BadInput
from captum_serving.protocol.extension_names import PATH_INPUTS, PATH_NODES, PATH_START, PATH_WEIGHTS

from captum_predictor.engine.arrays import Array, to_floats
from captum_predictor.engine.path_integral import StraightPaths


def read_paths(
    tensors: Mapping[str, Array], source: Array, with_gradient: bool, check_starts: Callable[[Array], Array]
) -> StraightPaths | None:
    """The paths to the first rows of the source, where a request has any; `check_starts` checks starts like a source.

    Raises:
        BadInput: One of the three inputs is missing or does not fit, or there is no gradient to integrate.
    """
    given = [name for name in PATH_INPUTS if name in tensors]
    if not given:
        return None
    if len(given) < len(PATH_INPUTS):
        raise BadInput(
            f"only {', '.join(given)} was sent for a path; expected all of {', '.join(PATH_INPUTS)}, or none"
        )
    if not with_gradient:
        raise BadInput("there is a path without a gradient; expected a cotangent or predicted_rows too")
    if source.dtype.kind != "f":
        raise BadInput("the path leads to whole numbers, which have no gradient; expected another stage as the source")
    starts, nodes, weights = (tensors[name] for name in PATH_INPUTS)
    if starts.shape[1:] != source.shape[1:] or not 1 <= len(starts) <= len(source):
        expected = ", ".join(["paths", *map(str, source.shape[1:])])
        raise BadInput(
            f"{PATH_START}: shape is {list(starts.shape)}; expected [{expected}] "
            f"with 1 to {len(source)} paths, one for each of the first rows of the source"
        )
    if nodes.ndim != 1 or nodes.shape != weights.shape or len(nodes) == 0:
        raise BadInput(
            f"{PATH_NODES} and {PATH_WEIGHTS}: shapes are {list(nodes.shape)} and {list(weights.shape)}; "
            "expected [steps] of both, at least one"
        )
    try:
        starts = check_starts(starts)
    except BadInput as error:
        raise BadInput(f"{PATH_START}, read as {error}") from None
    return StraightPaths(starts, source[: len(starts)], to_floats(nodes, PATH_NODES), to_floats(weights, PATH_WEIGHTS))
