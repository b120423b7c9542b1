"""Reads which media type a client prefers from its Accept header."""

JSON = "application/json"


def prefers(accept: str, media_type: str) -> bool:
    """Whether an Accept header (in lower case) rates a type above `application/json`: RFC 9110, 12.5.1.

    A tie means JSON; so do `*/*` and no header. Browsers rate pages and pictures above `*/*`, and get them.
    """
    return _rate(accept, media_type) > _rate(accept, JSON)


def _rate(accept: str, media_type: str) -> float:
    """The weight, 0 to 1, of the most specific range that contains the type; 0 if none does."""
    ranks = {"*/*": 0, media_type.partition("/")[0] + "/*": 1, media_type: 2}
    best = (-1, 0.0)
    for part in accept.split(","):
        media_range, *parameters = (piece.strip() for piece in part.split(";"))
        if media_range in ranks:
            best = max(best, (ranks[media_range], _read_weight(parameters)))
    return best[1]


def _read_weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0 <= weight <= 1 else 0.0
    return 1.0
