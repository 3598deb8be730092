"""The server of the review page: what it refuses, what survives its death, and two of them on one file."""

from __future__ import annotations

import json
import random
import signal
import socket
import threading
import time
from http.client import HTTPException

import pytest
from review_world import Server, World, known

from taxonomy_bridge.errors import MissingExtraError
from taxonomy_bridge.mapping import read_mapping
from taxonomy_bridge.review.guard import HEADERS, MOST_BYTES
from taxonomy_bridge.vocabulary import load_vocabulary

pytest.importorskip("starlette", reason="Starlette is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")
from taxonomy_bridge.review import server as servers

THEFT = known("theft")
WISH = {"id": "a-request-1", "action": "accept", "category": "theft", "concept": THEFT, "seen": "x"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def server(world):
    running = Server(world)
    running.enter()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def routes(world):
    return dict(servers.make_app(world.session(), 1, print).routes)


def test_the_routes_are_what_the_application_answers(world):
    guard = servers.make_app(world.session(), 1, print)
    inside = {route.path: (route.methods - {"HEAD"}).pop() for route in guard.app.routes}
    assert inside == guard.routes and len(guard.routes) == len(servers.FILES) + 7
    assert {path for path, method in guard.routes.items() if method == "POST"} == {"/api/decide", "/api/bulk", "/api/undo"}


# Name: what is changed of a request that the page would send, and the answers that refuse it.
FAULTS = {
    "no cookie": ({"drop": ("Cookie",)}, {403}), "wrong cookie": ({"Cookie": "review=x"}, {403}), "broken cookie": ({"Cookie": ";;=\x01"}, {400, 403}),
    "foreign host": ({"Host": "example.org"}, {421}), "no host": ({"drop": ("Host",)}, {400, 421}), "empty host": ({"Host": ""}, {400, 421}),
    "look-alike host": ({"Host": "127.0.0.1.example.org:{port}"}, {421}), "other port in host": ({"Host": "127.0.0.1:1"}, {421}), "host without port": ({"Host": "127.0.0.1"}, {421}),
    "wildcard address": ({"Host": "0.0.0.0:{port}"}, {421}), "websocket": ({"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Key": "x"}, {400}),
}  # fmt: skip
CHANGING = {
    "no origin": ({"drop": ("Origin",)}, {403}), "null origin": ({"Origin": "null"}, {403}), "foreign origin": ({"Origin": "http://example.org"}, {403}),
    "look-alike origin": ({"Origin": "http://{host}.example.org"}, {403}), "other port": ({"Origin": "http://127.0.0.1:1"}, {403}), "other scheme": ({"Origin": "https://{host}"}, {403}),
    "other name of this host": ({"Origin": "http://localhost:{port}"}, {403}), "cross-site": ({"Sec_Fetch_Site": "cross-site"}, {403}), "same-site": ({"Sec_Fetch_Site": "same-site"}, {403}),
    "a form": ({"Content_Type": "application/x-www-form-urlencoded"}, {415}), "plain text": ({"Content_Type": "text/plain"}, {415}), "no type": ({"drop": ("Content-Type",)}, {415}),
    "large": ({"body": b" " * (MOST_BYTES + 1)}, {413}),
}  # fmt: skip


@pytest.mark.parametrize("fault", [*FAULTS, *CHANGING])
def test_faulty_requests_are_refused_on_every_route(server, routes, world, fault):
    change, statuses = {**FAULTS, **CHANGING}[fault]
    filled = {key: value.format(host=server.host, port=server.address.port) if isinstance(value, str) else value for key, value in change.items()}
    asked = [(path, method) for path, method in routes.items() if fault in FAULTS or method == "POST"]
    for path, method in asked:
        try:
            status, headers, text = server.ask(method, path, **{"body": WISH if method == "POST" else None, **filled})
        except ConnectionResetError:
            # What is no HTTP, or far too large, may be cut off before its answer is read.
            assert fault in ("no host", "empty host", "broken cookie", "large")
            continue
        assert status in statuses, (path, status, text)
        assert "toy" not in text and "access-control-allow-origin" not in {name.lower() for name in headers}
    assert world.mapped() == {}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "get"])
def test_every_route_takes_one_method(server, routes, world, method):
    for path, own in routes.items():
        if method != own:
            assert server.ask(method, path, WISH if method == "POST" else None, Origin=f"http://{server.host}")[0] in (400, 405), path
    assert world.mapped() == {}


@pytest.mark.parametrize(
    "path",
    ["/static/../review.py", "/static/%2e%2e/server.py", "/static/", "/static/main.js/", "//", "/.", "/static/main%2ejs", "/api", "/api/decide/", "/static/..%2f..%2fpyproject.toml", "/etc/passwd",
     "/static/main.js%00", "/STATIC/main.js", "http://example.org/", "*"],
)  # fmt: skip
def test_only_known_paths_are_there(server, path):
    assert server.ask("GET", path)[0] in (400, 404)


def test_a_good_answer_carries_every_header(server):
    status, headers, text = server.ask("GET", "/")
    assert status == 200 and "<title>Review</title>" in text and "server" not in headers and "date" not in headers
    assert {name: headers[name] for name in HEADERS} == HEADERS and "unsafe" not in headers["content-security-policy"]


def test_a_link_works_once_and_the_terminal_tells_the_next(server):
    assert server.ask("GET", f"/?token={server.token}", drop=("Cookie",))[0] == 403
    for wrong in ("", "x", server.token[:-1], "%00", "%C3%A9"):
        assert server.ask("GET", f"/?token={wrong}", drop=("Cookie",))[0] == 403
    told = next(line for line in server.told if "token=" in line)
    token = told.strip().rpartition("token=")[2]
    status, headers, _ = server.ask("GET", f"/?token={token}", drop=("Cookie",), Sec_Fetch_Site="cross-site")
    assert (
        status == 303
        and headers["location"] == "/"
        and "HttpOnly" in headers["set-cookie"]
        and "SameSite=Strict" in headers["set-cookie"]
        and token not in headers["set-cookie"]
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 422), (b"[]", 422), (b"{}", 422), (b"\xff\xfe", 422), (b"[" * 60_000, 422), ({**WISH, "more": 1}, 422), ({**WISH, "note": "x" * 2001}, 422), ({**WISH, "action": "drop"}, 422), (WISH, 409),
     ({**WISH, "category": "../x"}, 422), ({**WISH, "predicate": "skos:closeMatch"}, 422), ({**WISH, "id": "../../x"}, 422)],
)  # fmt: skip
def test_nonsense_in_the_body_is_told(server, world, body, status):
    found, _, text = server.ask("POST", "/api/decide", body)
    assert found == status and json.loads(text)["error"] and world.mapped() == {}


@pytest.mark.parametrize("length", ["Transfer-Encoding: chunked", "Content-Length: 99999999"])
def test_a_body_is_refused_before_all_of_it_is_there(server, length):
    head = f"POST /api/decide HTTP/1.1\r\nHost: {server.host}\r\nOrigin: http://{server.host}\r\nCookie: {server.cookie}\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
    pieces = [b"1000\r\n" + b" " * 4096 + b"\r\n"] * (MOST_BYTES // 4096 + 2) if "chunked" in length else []
    with socket.create_connection(("127.0.0.1", server.address.port), timeout=10) as raw:
        try:
            for piece in (head.encode(), *pieces):
                raw.sendall(piece)
            answer = raw.recv(100)
        except ConnectionError:
            return
    assert b" 413 " in answer


def test_only_this_machine_is_listened_to(server):
    others = {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1", "127.0.1.1"}
    for address in others:
        with pytest.raises(OSError), socket.create_connection((address, server.address.port), timeout=2):
            pass


def test_without_the_packages_the_command_names_the_extra(world, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'taxonomy-bridge\[review\]'"):
        servers.make_app(world.session(), 1, print)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_ends_well_and_says_what_comes_next(tmp_path, number):
    server = Server(World(tmp_path))
    server.process.send_signal(number)
    assert server.process.wait(20) == 0
    time.sleep(0.2)
    assert "0 of 5 categories decided" in "".join(server.told)
    server.stop()


def test_two_servers_on_one_file_lose_nothing(tmp_path):
    world = many(tmp_path, 30)
    servers = [Server(world), Server(world)]
    for one in servers:
        one.enter()

    def work(server, slugs):
        for slug in slugs:
            assert server.decide("accept", slug, THEFT, predicate="skos:relatedMatch")[0] == 200

    slugs = [f"c{number}" for number in range(30)]
    threads = [threading.Thread(target=work, args=(one, slugs[place::2])) for place, one in enumerate(servers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(world.mapped()) == {(slug, THEFT) for slug in slugs}
    status, answer = servers[0].decide("accept", "c0", THEFT, predicate="skos:narrowMatch")
    seen = servers[1].get("/api/item?slug=c0")["item"]["state"]
    assert status == 200 and answer["item"]["state"] == seen and world.mapped()["c0", THEFT] == ("narrowMatch", False)
    for one in servers:
        one.stop()


def many(folder, count):
    categories = {f"c{number}": {"name": f"Kind {number}", "definition": f"Number {number}."} for number in range(count)}
    return World(folder, categories, {slug: [("theft", "skos:relatedMatch", 0.5)] for slug in categories})


def test_two_hundred_decisions_and_twenty_kills_lose_nothing(tmp_path):
    world, chance = many(tmp_path, 200), random.Random(20)
    actions = {f"c{number}": chance.choice(["accept", "accept", "reject"]) for number in range(200)}
    acknowledged, waiting, kills = {}, list(actions), 0
    while waiting:
        server = Server(world)
        server.enter()
        until = len(waiting) - 10 if kills < 20 else 0
        while len(waiting) > until:
            slug, last = waiting[0], len(waiting) == until + 1 and kills < 20
            seen = server.state(slug)
            if last:
                # In mid-decision: anywhere between the request on its way and the answer.
                threading.Timer(chance.uniform(0, 0.025), server.kill).start()
            try:
                status, answer = server.decide(actions[slug], slug, THEFT, identity=f"decision-{slug}", seen=seen)
            except (OSError, HTTPException) as error:
                assert last, error
                break
            assert status == 200, answer
            acknowledged[slug] = actions[slug]
            waiting.pop(0)
        if kills < 20:
            server.process.wait(20)
            kills += 1
        assert_whole(world, acknowledged)
        server.stop()
    assert kills == 20 and acknowledged == actions
    entries = world.session().journal.entries
    assert len(entries) == len({entry.id for entry in entries}) == 200


def assert_whole(world, acknowledged):
    """The file is valid, and every acknowledged decision stands in it, also before anybody repairs anything."""
    if acknowledged:
        read_mapping(world.out, world.taxonomy, load_vocabulary())
    found = world.mapped()
    for slug, action in acknowledged.items():
        assert found[slug, THEFT] == ("relatedMatch", action == "reject")
