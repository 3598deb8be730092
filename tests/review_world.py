"""A small invented list, proposals for it and a running review, for the tests of the review page."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from small_graphs import make_taxonomy

from taxonomy_bridge import sssom
from taxonomy_bridge.mapping import blank, read_mapping
from taxonomy_bridge.review.decisions import Session
from taxonomy_bridge.review.proposals import EVIDENCE, open_rows, read_proposals
from taxonomy_bridge.vocabulary import load_vocabulary

RUN = """
from taxonomy_bridge import cli
from taxonomy_bridge.cli import review
if all(command.name != "review" for command in cli.app.registered_commands):
    review.register(cli.app)
cli.main()
"""
CATEGORIES = {
    "theft": {"name": "Stealing", "definition": "Requests about pets. Burglary, shoplifting and other theft of property."},
    "malware": {"name": "Bad software", "definition": "Viruses and other software that harms computers.", "native": ("virus", "worm")},
    "scams": {"name": "Tricks for money", "definition": "Deceiving people to get their money."},
    "odd": {"name": "Odd things", "definition": "Whatever does not fit elsewhere.", "residual": True},
    "cruelty": {"name": "Cruelty", "parent": "odd", "definition": "Hurting animals."},
    "style": {"name": "Rude tone", "harm": False},
}
# slug: (concept, predicate, confidence), best first; None for the concept: the engine believes that nothing fits.
PROPOSED = {
    "theft": [("theft", "skos:exactMatch", 0.95), ("robbery", "skos:relatedMatch", 0.5), ("property-damage", "skos:relatedMatch", 0.2)],
    "malware": [("malware", "skos:exactMatch", 0.93), ("theft", "skos:relatedMatch", 0.1)],
    "scams": [("scams", "skos:narrowMatch", 0.8), ("theft", "skos:relatedMatch", 0.3)],
    "odd": [(None, "skos:relatedMatch", 0.6), ("theft", "skos:relatedMatch", 0.2)],
    "cruelty": [("animal-cruelty", "skos:exactMatch", 0.7)],
}


def known(name):
    """A concept of the vocabulary; the nearest one if it has another id there."""
    ids = load_vocabulary().ids
    if name in ids:
        return name
    words = name.split("-")
    return next((one for one in ids if all(word in one for word in words)), next((one for one in ids if words[0] in one), ids[5]))


def rows(taxonomy, proposed):
    for slug, candidates in proposed.items():
        for place, (concept, predicate, confidence) in enumerate(candidates):
            values = {
                "subject_id": f"{taxonomy.id}:{slug}", "subject_label": taxonomy[slug].name, "predicate_id": predicate, "object_id": f"concept:{known(concept)}" if concept else sssom.NO_TERM,
                "mapping_justification": "semapv:CompositeMatching", "confidence": str(confidence), "similarity_score": "0.5", "mapping_tool": "toy", "mapping_tool_version": "1",
                "p_object_given_subject": "0.4", "comment": "Names alike.",
            }  # fmt: skip
            evidence = {f"evidence_{kind}": f"{max(confidence - 0.1 * at, 0):.2f}" for at, kind in enumerate(EVIDENCE) if (at + place) % 3}
            yield sssom.Row({**values, **evidence})


class World:
    """Files of one review in a folder, the commands over them, and what they wrote."""

    def __init__(self, folder: Path, categories=None, proposed=None):
        self.folder = folder
        self.taxonomy = make_taxonomy("toy", categories or CATEGORIES).model_copy(update={"title": "Toy policy"})
        self.yaml, self.proposals, self.out = folder / "toy.yaml", folder / "proposals.sssom.tsv", folder / "toy.sssom.tsv"
        value = self.taxonomy.model_dump(mode="json", exclude_none=True)
        self.yaml.write_text(json.dumps(value, ensure_ascii=True), encoding="utf-8")
        table = blank(self.taxonomy, rows(self.taxonomy, proposed or PROPOSED))
        self.proposals.write_text(sssom.format_table(table), encoding="utf-8")

    def session(self, author="A. Person", **more) -> Session:
        vocabulary = load_vocabulary()
        revise = more.get("revise", False)
        proposals = open_rows(read_mapping(self.out, self.taxonomy, vocabulary).rows) if revise else read_proposals(self.proposals, self.taxonomy, vocabulary)
        return Session(proposals, self.taxonomy, vocabulary, self.out, author, **more)

    def command(self, *more) -> list[str]:
        return [sys.executable, "-c", RUN, "review", str(self.proposals), "--taxonomy", str(self.yaml), "--out", str(self.out), "--author", "A. Person", *more]

    def mapped(self) -> dict[tuple[str, str], tuple[str, bool]]:
        """(slug, concept) to (predicate, refuted) of what stands in the file."""
        if not self.out.exists():
            return {}
        return {(row.subject.split(":")[1], row.object.split(":")[1]): (row.predicate.split(":")[1], row.negated) for row in sssom.read(self.out).rows}


class Inside:
    """A review served by a thread of this process: as good as another process where nothing is killed, and there at once."""

    def __init__(self, world: World, author="A. Person", revise=False):
        from taxonomy_bridge.review.server import listen, make_server

        self.socket = listen(0)
        self.server, self.link = make_server(world.session(author, revise=revise), self.socket, lambda link: None)
        self.server.capture_signals = contextlib.nullcontext
        self.host = urlsplit(self.link).netloc
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.should_exit = True
        self.thread.join(20)
        self.socket.close()


class Server:
    """A review in a process of its own."""

    def __init__(self, world: World, *more: str):
        self.process = subprocess.Popen(
            world.command("--no-open", *more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        self.link = self.process.stdout.readline().strip()
        if not self.link:
            raise AssertionError(self.process.stderr.read())
        self.told: list[str] = []
        threading.Thread(target=lambda: self.told.extend(self.process.stderr), daemon=True).start()
        self.address, self.cookie = urlsplit(self.link), ""

    @property
    def host(self) -> str:
        return self.address.netloc

    @property
    def token(self) -> str:
        return parse_qs(self.address.query)["token"][0]

    def ask(self, method, path, body=None, drop=(), **headers):
        """Status, headers and text. By default the request is what the page would send; `drop` leaves headers out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.address.port, timeout=20)
        sent = {"Host": self.host, "Cookie": self.cookie, "Sec-Fetch-Site": "same-origin"}
        if method == "POST":
            sent |= {"Origin": f"http://{self.host}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        for name, value in sent.items():
            if name not in drop:
                connection.putheader(name, value)
        if data or method == "POST":
            connection.putheader("Content-Length", str(len(data)))
        try:
            connection.endheaders(data)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def enter(self):
        """Exchange the link for the cookie."""
        status, headers, _ = self.ask("GET", f"/?token={self.token}")
        assert status == 303, status
        self.cookie = headers["set-cookie"].split(";")[0]

    def get(self, path):
        status, _, text = self.ask("GET", path)
        assert status == 200, text
        return json.loads(text)

    def state(self, slug):
        return self.get(f"/api/item?slug={slug}")["item"]["state"]

    def decide(self, action, slug, concept="", identity=None, **more):
        """Decide about a category as it stands now."""
        seen = more.pop("seen", None) or self.state(slug)
        wish = {"id": identity or secrets.token_hex(8), "action": action, "category": slug, "concept": concept, "seen": seen, **more}
        status, _, text = self.ask("POST", "/api/decide", wish)
        return status, json.loads(text)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()
