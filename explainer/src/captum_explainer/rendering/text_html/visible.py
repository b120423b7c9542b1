"""Makes text from outside safe to show on a page."""

import html
import re

from markupsafe import Markup

# Characters that control a page or a terminal instead of being seen: controls except tab and newline, line separators,
# marks that embed, override or isolate a direction, surrogates and noncharacters.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
PICTURES, DELETE = 0x2400, 0x7F


def make_visible(text: object) -> Markup:
    """Write a text as HTML for an element's content or a double-quoted attribute; ASCII, so that no charset changes it.

    A control character becomes its picture (from U+2400) or its number, and has no effect.
    """
    shown = UNSEEN.sub(_name_control, str(text))
    return Markup(html.escape(shown).encode("ascii", "xmlcharrefreplace").decode())


def _name_control(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == DELETE:
        return "\N{SYMBOL FOR DELETE}"
    return chr(PICTURES + code) if code < ord(" ") else f"<U+{code:04X}>"
