"""What uv is told of pip's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.pip_settings import make_uv_environment, read_pip_settings

LISTING = r"""
:env:.cert='/etc/ssl/corporate.pem'
:env:.default-timeout='180'
:env:.find-links='/wheels https://example.com/wheels'
global.find-links='/overridden'
global.index-url='https://user:secret@example.com/simple?a=b'
global.extra-index-url='\nhttps://one.example.com/simple\nhttps://two.example.com/simple'
global.timeout=''
install.constraint='/etc/pip/constraints.txt'
global.constraint='/overridden.txt'
list.format='columns'
WARNING: not a setting
"""


def uv_environment(**settings: str) -> dict[str, str]:
    return make_uv_environment({name.replace("_", "-"): value for name, value in settings.items()}, "constraints.txt")


def test_settings_are_read_in_pips_order():
    assert read_pip_settings(LISTING) == {
        "cert": "/etc/ssl/corporate.pem",
        "default-timeout": "180",
        "find-links": "/wheels https://example.com/wheels",
        "index-url": "https://user:secret@example.com/simple?a=b",
        "extra-index-url": "\nhttps://one.example.com/simple\nhttps://two.example.com/simple",
        "constraint": "/etc/pip/constraints.txt",
    }


@pytest.mark.parametrize(
    ("setting", "value", "variable", "told"),
    [
        ("index_url", "https://example.com/simple", "UV_DEFAULT_INDEX", "https://example.com/simple"),
        ("extra_index_url", "\nhttps://a.com/s\nhttps://b.com/s", "UV_INDEX", "https://a.com/s https://b.com/s"),
        ("find_links", "https://a.com/w https://b.com/w", "UV_FIND_LINKS", "https://a.com/w,https://b.com/w"),
        ("no_index", "true", "UV_NO_INDEX", "true"),
        ("constraint", "a.txt b.txt", "UV_CONSTRAINT", "constraints.txt a.txt b.txt"),
        ("trusted_host", "a.com\nb.com:8443", "UV_INSECURE_HOST", "a.com b.com:8443"),
        ("timeout", "60", "UV_HTTP_TIMEOUT", "60"),
        ("default_timeout", "180", "UV_HTTP_TIMEOUT", "180"),
        ("cert", "/etc/ssl/corporate.pem", "SSL_CERT_FILE", "/etc/ssl/corporate.pem"),
    ],
)
def test_uv_is_told_a_setting(setting: str, value: str, variable: str, told: str) -> None:
    assert uv_environment(**{setting: value})[variable] == told


def test_without_settings_uv_keeps_its_own_defaults():
    assert uv_environment() == {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_CONSTRAINT": "constraints.txt"}


def test_folders_that_are_missing_are_left_out(tmp_path: Path) -> None:
    there, missing = tmp_path / "with space", tmp_path / "missing"
    there.mkdir()
    plain = tmp_path / "plain"
    plain.mkdir()
    told = uv_environment(extra_index_url=f"{missing.as_uri()} {there.as_uri()}", find_links=f"{missing} {plain}")
    assert told["UV_INDEX"] == there.as_uri()
    assert told["UV_FIND_LINKS"] == str(plain)
    assert "UV_INDEX" not in uv_environment(extra_index_url=missing.as_uri())
