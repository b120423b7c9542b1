"""The query that the command line describes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Query:
    """The user's arguments, checked as far as possible without the server or the disk."""

    url: str
    host: str
    index: int
    request: dict[str, Any]
    methods: list[str]
    images: list[Path]
    texts: list[Any]
    invert: bool
    pixel_range: tuple[float, float]
    dataset: str
    data_dir: Path | None
    output: Path | None
    json: bool
    list_methods: bool
    timeout: float
    headers: dict[str, str]

    @property
    def sends_colours(self) -> bool:
        """True if grey images are sent with three equal colour channels, as AIX's predictors take them."""
        return self.request.get("format") == "aix"

    def build_request(self, method: str | None, instances: list[Any]) -> dict[str, Any]:
        """Return the request body for `method`; None leaves the choice to the request's parameters or to the server."""
        chosen = {"method": method} if method else {}
        parameters = {**self.request.get("parameters", {}), **chosen}
        return {"instances": instances, **self.request, **({"parameters": parameters} if parameters else {})}
