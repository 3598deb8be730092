"""Foreign text made harmless for terminals and files that people open, and addresses without their secrets: one function each, used everywhere."""

from __future__ import annotations

import re

# C0 except tab and line feed, DEL, C1, bidi controls, zero-width characters except the joiners, tag characters, lone surrogates.
_HOSTILE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\u061c\ufeff\U000e0000-\U000e007f\ud800-\udfff]")


def safe(text: object) -> str:
    r"""Foreign text with terminal, bidi and invisible controls made visible.

    >>> safe("a\x1b[31mb\u202e")
    'a\\x1b[31mb\\u202e'
    """
    return _HOSTILE.sub(lambda match: match[0].encode("unicode_escape").decode(), str(text))


def shown(address: str) -> str:
    """An address without the name and password that may be part of it.

    >>> shown("https://me:secret@mirror.example/raw")
    'https://mirror.example/raw'
    """
    return re.sub(r"//[^/]*@", "//", address)
