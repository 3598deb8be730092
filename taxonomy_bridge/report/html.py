"""The one way from foreign text to HTML: templates that escape always, and data for scripts that cannot end their block.

Every value that a template prints passes `safetext.safe` (controls become visible) and is then escaped; nothing goes round it. A page is
one file: style and scripts stand in it, and its content security policy runs these scripts, by their hash, and loads nothing.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxonomy_bridge.errors import MissingExtraError
from taxonomy_bridge.safetext import safe
from taxonomy_bridge.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

HERE = Path(__file__).parent
STATIC = HERE / "static"
TEMPLATES = HERE / "templates"
# What a page may weigh, so that it opens at once and travels by mail.
MOST_BYTES = 2_000_000
_IN_SCRIPT = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def render(template: str, scripts: Sequence[str], data: object, **values: Any) -> str:
    """The page that a template gives, with `scripts` of the folder `static` in order and `data` for them.

    Same input, same text. Raises `MissingExtraError` without Jinja2, and an error of Jinja2 for a name that is not there.
    """
    markup, environment = _markup(), _environment()
    sources = [(STATIC / name).read_text(encoding="utf-8") for name in scripts]
    return environment.get_template(template).render(
        policy=_policy(sources), style=markup((STATIC / "page.css").read_text(encoding="utf-8")), scripts=[markup(source) for source in sources],
        data=markup(script_json(data)), version=__version__, **values,
    )  # fmt: skip


def script_json(value: object) -> str:
    r"""JSON for a `<script type="application/json">` block: no text of it can end the block or start another.

    >>> script_json({"name": "</script>\u202e"})
    '{"name":"\\u003c/script\\u003e\\\\u202e"}'
    """
    return json.dumps(_clean(value), ensure_ascii=False, separators=(",", ":")).translate(_IN_SCRIPT)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, Mapping):
        return {safe(key): _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value


def _policy(scripts: Sequence[str]) -> str:
    """Nothing may be loaded; exactly these scripts may run."""
    hashes = [base64.b64encode(hashlib.sha256(source.encode()).digest()).decode() for source in scripts]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes) or "'none'"
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


@functools.cache
def _environment() -> Environment:
    markup = _markup()
    import jinja2

    def finalize(value: Any) -> Any:
        return value if isinstance(value, markup) else f"{value:,}" if type(value) is int else safe(value)

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=finalize
    )


def _markup() -> type[Markup]:
    try:
        import jinja2  # noqa: F401
        from markupsafe import Markup
    except ImportError as error:
        raise MissingExtraError.needed("an HTML page", "report") from error
    return Markup
