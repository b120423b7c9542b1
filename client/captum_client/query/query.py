"""What the user asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Query:
    """What the user asked for, checked as far as that goes without the server or the disk."""

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
        """Whether the images are sent with three equal colours, which is how AIX's predictors take grey ones."""
        return self.request.get("format") == "aix"

    def build_request(self, method: str | None, instances: list[Any]) -> dict[str, Any]:
        """The body that asks for `method`; None leaves the choice to the request's own parameters or the server."""
        chosen = {"method": method} if method else {}
        parameters = {**self.request.get("parameters", {}), **chosen}
        return {"instances": instances, **self.request, **({"parameters": parameters} if parameters else {})}
