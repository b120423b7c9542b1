"""Text that somebody else wrote, made fit for a page."""

from __future__ import annotations

import html
import re

from markupsafe import Markup

# What would steer a page or a terminal rather than be seen: controls except tab and newline, separators of lines, what
# embeds, overrides and isolates directions, and what is no character.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
PICTURES, DELETE = 0x2400, 0x7F


def make_visible(text: object) -> Markup:
    """HTML that shows a text, as an element's content or within double quotes: ASCII, so that no charset changes it.

    A control character is shown by its picture (U+2400 and on) or its number, and does nothing.
    """
    shown = UNSEEN.sub(_name_control, str(text))
    return Markup(html.escape(shown).encode("ascii", "xmlcharrefreplace").decode())


def _name_control(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == DELETE:
        return "\N{SYMBOL FOR DELETE}"
    return chr(PICTURES + code) if code < ord(" ") else f"<U+{code:04X}>"
