"""The commands' argument parser, and the types of their arguments."""

import argparse
import json
import math
import re
from typing import Any, NoReturn
from urllib.parse import urlsplit


class Parser(argparse.ArgumentParser):
    """Reports wrong usage in one sentence and exits with code 2."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and the usage, and exit."""
        self.exit(2, f"error: {message}\nusage: {self.format_usage().removeprefix('usage: ')}See --help.\n")


def parse_url(text: str) -> str:
    """Accept an http or https URL with a host."""
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL like http://localhost:8080/v1/models/mnist:explain")
    return text


def parse_range(text: str) -> tuple[float, float]:
    """Read `LOW,HIGH`, two finite numbers in ascending order."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = math.nan
    if not (low < high and math.isfinite(high - low)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a range like -0.5,0.5")
    return low, high


def parse_target(text: str) -> int | str:
    """Read a class index, or keep a class label."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else text


def parse_object(text: str) -> dict[str, Any]:
    """Read a JSON object; NaN and Infinity are refused."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"""{text[:60]!r} is not a JSON object, as in '{{"n_steps": 100}}'""")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def parse_text(text: str) -> str:
    """Accept text that can be sent as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError("it is not UTF-8") from error
    return text


def parse_seconds(text: str) -> float:
    """Read a number of seconds above 0 and at most a day."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0 and up to 86400")
    return seconds


def parse_header(text: str) -> tuple[str, str]:
    """Read an HTTP header, `Name: value`."""
    name, colon, value = text.partition(":")
    if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise argparse.ArgumentTypeError(f"{text!r} is not a header like 'Name: value'")
    return name, parse_header_value(value.strip())


def parse_header_value(text: str) -> str:
    """Accept a header value of printable ASCII characters."""
    if not re.fullmatch(r"[\x20-\x7e]*", text) or text != text.strip():
        raise argparse.ArgumentTypeError(
            f"{text!r} cannot be sent as a header: use printable ASCII, and no space at the ends"
        )
    return text
