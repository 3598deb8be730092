"""The local page: a thin application over one `Session`, on the loopback of this machine only."""

from __future__ import annotations

import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from taxonomy_bridge import paths
from taxonomy_bridge.errors import BuildError, MissingExtraError, TaxonomyBridgeError
from taxonomy_bridge.review import views
from taxonomy_bridge.review.decisions import Identity, Session, StaleError, Wish
from taxonomy_bridge.review.guard import HOME, Guard
from taxonomy_bridge.review.plans import RefusedError, default_comment
from taxonomy_bridge.storage import canonical_json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from uvicorn import Server

HERE = Path(__file__).parent / "static"
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
# Address to file: nothing of a request ever becomes a path.
FILES = {
    HOME: HERE / "review.html",
    "/static/page.css": paths.PACKAGE / "report" / "static" / "page.css",
    **{f"/static/{name}": HERE / name for name in ("review.css", "main.js", "net.js", "view.js", "side.js", "dialogs.js")},
}
Handler = Callable[["Request"], Awaitable["Response"]]
Make = Callable[["Request", bytes], dict[str, Any]]


class _Bulk(BaseModel):
    """`expected`: how many the person was shown; None asks which there are and writes nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str = Identity
    least: float = Field(ge=0, le=1)
    expected: int | None = None


class _Undo(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str = Identity
    number: int | None = None


def make_app(session: Session, port: int, tell: Callable[[str], None]) -> Guard:
    """The guarded application. Raises `MissingExtraError` without Starlette."""
    try:
        from starlette.applications import Starlette
        from starlette.routing import Route
    except ImportError as error:
        raise MissingExtraError.needed("the review page", "review") from error
    handlers = {**{path: ("GET", _file(file)) for path, file in FILES.items()}, **_answers(session)}
    app = Starlette(routes=[Route(path, handler, methods=[method]) for path, (method, handler) in handlers.items()])
    return Guard(app, port, {path: method for path, (method, _) in handlers.items()}, tell)


def _file(path: Path) -> Handler:
    from starlette.responses import Response

    content = path.read_bytes()

    async def handler(request: Request) -> Response:
        return Response(content, media_type=TYPES[path.suffix])

    return handler


def _answers(session: Session) -> dict[str, tuple[str, Handler]]:
    """Address to method and handler of everything that is data."""
    groups = (("GET", _asked(session)), ("POST", _changing(session)))
    return {path: (method, _answer(session, make)) for method, group in groups for path, make in group.items()}


def _asked(session: Session) -> dict[str, Make]:
    def overview(request: Request, body: bytes) -> dict[str, Any]:
        return {**views.overview(session), "next": session.next() or session.items[0]}

    def item(request: Request, body: bytes) -> dict[str, Any]:
        return {"item": views.item(session, _slug(session, request)), **views.pulse(session)}

    def pulse(request: Request, body: bytes) -> dict[str, Any]:
        return {"state": session.state(_slug(session, request)), **views.pulse(session)}

    def words(request: Request, body: bytes) -> dict[str, Any]:
        slug, concept = _slug(session, request), request.query_params.get("concept", "")
        if concept not in session.vocabulary.ids:
            raise RefusedError(f"There is no concept {concept!r}.")
        return {"words": default_comment(session, slug, concept)}

    return {"/api/overview": overview, "/api/item": item, "/api/pulse": pulse, "/api/words": words}


def _changing(session: Session) -> dict[str, Make]:
    def decide(request: Request, body: bytes) -> dict[str, Any]:
        wish = Wish.model_validate_json(body)
        entry = session.decide(wish)
        following = session.next(wish.category)
        ahead = session.next(following) if following else None
        shown = {name: views.item(session, slug) if slug else None for name, slug in (("item", wish.category), ("next", following), ("ahead", ahead))}
        return {"number": entry.number, **shown, **views.pulse(session)}

    def bulk(request: Request, body: bytes) -> dict[str, Any]:
        wish = _Bulk.model_validate_json(body)
        if wish.expected is None:
            session.refresh()
            taxonomy, vocabulary = session.taxonomy, session.vocabulary
            sure = session.sure(wish.least)
            return {"sure": [[taxonomy[slug].name, one.predicate, vocabulary.name(one.concept), one.confidence] for slug, one in sure]}
        entry = session.bulk(wish.id, wish.least, wish.expected)
        return {"number": entry.number, "next": session.next(), **views.pulse(session)}

    def undo(request: Request, body: bytes) -> dict[str, Any]:
        wish = _Undo.model_validate_json(body)
        entry = session.undo(wish.id, wish.number)
        shown = entry.category if entry.category in session.items else (session.next() or session.items[0])
        return {"number": entry.number, "item": views.item(session, shown), **views.pulse(session)}

    return {"/api/decide": decide, "/api/bulk": bulk, "/api/undo": undo}


def _slug(session: Session, request: Request) -> str:
    slug = request.query_params.get("slug", "")
    if slug not in session.items:
        raise RefusedError("No such category is under review here.")
    return slug


def _answer(session: Session, make: Make) -> Handler:
    from starlette.responses import Response

    async def handler(request: Request) -> Response:
        status, value = _tried(session, make, request, await request.body())
        return Response(canonical_json(views.clean(value)), status, media_type="application/json")

    return handler


def _tried(session: Session, make: Make, request: Request, body: bytes) -> tuple[int, dict[str, Any]]:
    """Status and answer; what goes wrong is told in the words that the command line would use."""
    try:
        if request.method == "GET":
            session.refresh()
        return 200, make(request, body)
    except ValidationError as error:
        return 422, {"error": f"That is no request of this page: {error.errors()[0]['msg']}."}
    except StaleError as error:
        return 409, {"error": str(error)}
    except RefusedError as error:
        return 422, {"error": str(error)}
    except BuildError as error:
        return 507, {"error": f"Saving failed. {error}"}
    except TaxonomyBridgeError as error:
        return 500, {"error": f"The files cannot be used as they stand, so nothing is saved. {error}"}


def serve(session: Session, port: int, tell: Callable[[str], None], ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM. `ready` gets the first link, `tell` each later one. Raises `BuildError` if the port is taken."""
    with listen(port) as listening:
        server, link = make_server(session, listening, tell)
        # Its own way of handling signals raises them once more after a clean stop, and the command would end as if it had failed.
        server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]
        with _stopped_by(server):
            ready(link)
            server.run(sockets=[listening])


def listen(port: int) -> socket.socket:
    """A socket on the loopback; port 0 takes any free one."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(64)
    except OSError as error:
        listening.close()
        raise BuildError(f"port {port} of this machine cannot be had: {error.strerror}. Choose another, or 0 for any free one.") from error
    return listening


def make_server(session: Session, listening: socket.socket, tell: Callable[[str], None]) -> tuple[Server, str]:
    """A server that is not running yet, and the link that opens its page."""
    try:
        import uvicorn
    except ImportError as error:
        raise MissingExtraError.needed("the review page", "review") from error
    guard = make_app(session, listening.getsockname()[1], tell)
    config = uvicorn.Config(
        guard, log_level="warning", access_log=False, server_header=False, date_header=False, ws="none", http="h11", lifespan="off", timeout_graceful_shutdown=1
    )  # fmt: skip
    return uvicorn.Server(config), guard.link


@contextmanager
def _stopped_by(server: Server) -> Iterator[None]:
    kept = {number: signal.signal(number, server.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
