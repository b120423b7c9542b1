"""Bounds an answer before anything is computed: a request of some kilobytes may ask for gigabytes."""

from captum_serving.errors import TooLarge

from captum_explainer.settings import Limits

# Nearly all float32 numbers need fewer characters in JSON, and nearly all details of an explanation.
NUMBER_BYTES = 16
DETAILS_BYTES = 512


def check_answer(explanations: int, numbers: int, limits: Limits, change: str) -> None:
    """Check the size that an answer will have, as JSON.

    Args:
        explanations: How many there are: instances times targets.
        numbers: The numbers of each.
        limits: The server's limits.
        change: What to ask for instead, for the sentence.

    Raises:
        TooLarge: The server answers less.
    """
    size = explanations * (DETAILS_BYTES + NUMBER_BYTES * numbers)
    if size > limits.max_answer_bytes:
        raise TooLarge(
            f"the answer would have {explanations} times {numbers} numbers, about {size} bytes; expected at most "
            f"{limits.max_answer_bytes} (the server's limit, --max_answer_bytes): {change}"
        )
