"""Says in uv's words where pip is set up to find packages: uv does not read pip's configuration."""

from ast import literal_eval
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

# In pip's order: a later one overrides an earlier one, and does not add to it.
SECTIONS = ("global", "install", ":env:")


def read_pip_settings(listing: str) -> dict[str, str]:
    """Returns the settings of `pip install`, by option name, from the output of `pip config list`."""
    settings = {}
    for section in SECTIONS:
        for line in listing.splitlines():
            key, equals, value = line.partition("=")
            if equals and key.startswith(f"{section}.") and literal_eval(value):  # pip skips empty values too
                settings[key.removeprefix(f"{section}.")] = literal_eval(value)
    return settings


def make_uv_environment(settings: dict[str, str], constraints: str) -> dict[str, str]:
    """Returns the environment variables that give uv the settings of pip, and one more file of constraints.

    Variables and not flags, because an index's URL may hold a password, and flags show in the list of processes.
    """

    def split(name: str) -> list[str]:
        return settings.get(name, "").split()

    variables = {
        "UV_DEFAULT_INDEX": settings.get("index-url", ""),
        "UV_INDEX": " ".join(filter(may_exist, split("extra-index-url"))),
        "UV_FIND_LINKS": ",".join(filter(may_exist, split("find-links"))),
        "UV_NO_INDEX": settings.get("no-index", ""),
        # pip takes the best version of all indexes; uv by default looks no further than the first that has any.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_CONSTRAINT": " ".join([constraints, *split("constraint")]),
        "UV_INSECURE_HOST": " ".join(split("trusted-host")),
        "UV_HTTP_TIMEOUT": settings.get("timeout", settings.get("default-timeout", "")),
        "SSL_CERT_FILE": settings.get("cert", ""),
    }
    return {name: value for name, value in variables.items() if value}


def may_exist(location: str) -> bool:
    """Returns False for a folder or file that is not there: pip warns and goes on, uv stops."""
    url = urlsplit(location)
    if url.scheme == "file":
        return Path(url2pathname(url.path)).exists()
    return bool(url.scheme) or Path(location).exists()
