"""Downloads against a real server on the loopback: pins, gates, moves, mirrors, offline flags, cuts, kills, restarts.

huggingface_hub reads its variables when it is imported: what depends on them is asked of a process of its own (`ask`), the rest of this one (`read`), in
which the constants are set. No test touches the network, and no output may hold the token.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import builds
import pytest
from hub_server import Fault, Loopback, git_name, loopback

from taxonomy_bridge import registry
from taxonomy_bridge.errors import AccessError, MissingExtraError, RecipeError
from taxonomy_bridge.sources import _base, _github, _hub, _retry

pytest.importorskip("huggingface_hub")

FIXTURE = Path(__file__).parent / "fixtures" / "sources" / "xstest" / "xstest_prompts.csv"
CONTENT = FIXTURE.read_bytes()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FILE, OTHER = "xstest_prompts.csv", "0123456789" * 4
SOURCE: _base.Source = dataclasses.replace(registry.load("sources", "xstest"), digests={}, former=())
HUB, PIN = str(SOURCE.hub_id), str(SOURCE.revision)
REPOSITORY = "someone/bench"
TOKEN = "hf_PlantedSecretThatNobodyMayPrint"
PROGRAM = """
import dataclasses, json, sys
from taxonomy_bridge import registry
from taxonomy_bridge.errors import TaxonomyBridgeError
from taxonomy_bridge.sources import _hub, _retry
_retry.PAUSES = (0.05, 0.05, 0.05)
source = dataclasses.replace(registry.load("sources", "xstest"), **{"digests": {}, "former": (), **json.loads(sys.argv[1])})
try:
    for file in _hub.files(source, None, "train", None, None):
        print(file.path)
except TaxonomyBridgeError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


@pytest.fixture
def hub() -> Iterator[Loopback]:
    with loopback() as server:
        server.files[HUB, PIN, FILE] = CONTENT
        server.files[REPOSITORY, PIN, FILE] = CONTENT
        yield server


@pytest.fixture
def near(
    hub: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[Loopback]:
    """The loopback as hub and as GitHub of this very process."""
    constants = _hub.library().constants
    for name in (*_hub.OFFLINE, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HF_ENDPOINT": hub.endpoint, "TAXONOMY_BRIDGE_GITHUB": hub.endpoint + "/", "TAXONOMY_BRIDGE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    for name, value in {"ENDPOINT": hub.endpoint, "HUGGINGFACE_CO_URL_TEMPLATE": hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"}.items():
        monkeypatch.setattr(constants, name, value)
    for name, place in {"HF_HUB_CACHE": "hub", "HF_TOKEN_PATH": "token", "AGENT_HARNESSES_PATH": "agents.json"}.items():
        monkeypatch.setattr(constants, name, str(tmp_path / place), raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(_retry, "PAUSES", (0.02, 0.02, 0.02))
    yield hub
    assert TOKEN not in "".join(capfd.readouterr()) + caplog.text


def read(source: _base.Source = SOURCE, revision: str = PIN) -> bytes:
    """The file of the split, read by this process."""
    (file,) = _hub.files(source, None, "train", None, revision)
    assert file.origin.revision == revision and revision in file.path.parts
    return file.path.read_bytes()


def refused(source: _base.Source, *words: str) -> str:
    """The one message of a file that cannot be had, which says these words and not the token."""
    with pytest.raises(AccessError) as caught:
        read(source)
    message = str(caught.value)
    assert message.startswith(f"source xstest: {source.hub_id or source.github}/") and "\n" not in message
    assert all(word in message for word in words) and TOKEN not in message, message
    return message


def changed(**changes: Any) -> _base.Source:
    return dataclasses.replace(SOURCE, **changes)


def kept(folder: Path) -> list[Path]:
    """Every file of the split that lies in a cache."""
    return [path for path in folder.rglob("*") if path.name == FILE]


def environment(hub: Loopback, folder: Path, **more: str) -> dict[str, str]:
    """What a user of this hub has set, and nothing that this machine has."""
    own = ("HF_", "HUGGING", "TAXONOMY_BRIDGE_", "TRANSFORMERS_", "XDG_")
    same = {name: value for name, value in os.environ.items() if not name.startswith(own) and not name.lower().endswith("_proxy")}
    places = {"HOME": folder, "HF_HOME": folder / "hf", "TAXONOMY_BRIDGE_HOME": folder / "own"}
    return same | {name: str(place) for name, place in places.items()} | {"HF_ENDPOINT": hub.endpoint, "TAXONOMY_BRIDGE_GITHUB": hub.endpoint} | more


def run(command: list[str], hub: Loopback, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A process of its own. Whatever it says, the token is not in it."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment(hub, folder, **more))
    assert TOKEN not in done.stdout + done.stderr and "Traceback" not in done.stderr, done.stderr
    return done


def ask(hub: Loopback, folder: Path, changes: dict[str, Any] | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """A process that prints where the file of the split lies."""
    return run([sys.executable, "-c", PROGRAM, json.dumps(changes or {})], hub, folder, **more)


def arrived(done: subprocess.CompletedProcess[str], folder: Path) -> Path:
    """The one file that came, which is whole."""
    assert done.returncode == 0, done.stderr
    (path,) = map(Path, done.stdout.split())
    assert path.read_bytes() == CONTENT and folder in path.parents and PIN in path.parts
    return path


# --- the hub: pins and the cache --------------------------------------------------------------------------------------------


def test_a_pinned_file_comes_once_and_then_from_the_cache_without_a_request(hub: Loopback, tmp_path: Path) -> None:
    path = arrived(ask(hub, tmp_path), tmp_path / "hf" / "hub")
    assert [request.path for request in hub.requests("GET")] == [f"/datasets/{HUB}/resolve/{PIN}/{FILE}"]
    hub.log.clear()
    assert arrived(ask(hub, tmp_path), tmp_path) == path and hub.log == []


def test_every_file_of_a_union_of_configs_comes(near: Loopback) -> None:
    source: _base.Source = dataclasses.replace(registry.load("sources", "pku-saferlhf"), digests={})
    natives = [f"data/{model}/train.jsonl" for model in ("Alpaca-7B", "Alpaca2-7B", "Alpaca3-8B")]
    for native in natives:
        near.files[str(source.hub_id), str(source.revision), native] = (FIXTURE.parents[1] / "pku-saferlhf" / native).read_bytes()
    found = _hub.files(source, None, "train", None, None)
    assert [file.origin.config for file in found] == ["alpaca-7b", "alpaca2-7b", "alpaca3-8b"]
    assert {file.origin.revision for file in found} == {source.revision} and len(near.requests()) == 3
    assert all(sum(part.decoded for part in _base.decode_file(source, file)) > 0 for file in found)


def test_a_server_with_another_commit_is_refused_and_nothing_is_kept(near: Loopback, tmp_path: Path) -> None:
    near.faults = [Fault("HEAD", commit=OTHER)]
    refused(SOURCE, PIN, OTHER, "another commit", "HF_ENDPOINT")
    assert near.requests("GET") == [] and not kept(tmp_path)
    assert read() == CONTENT


def test_a_cache_that_leads_to_another_commit_is_refused(near: Loopback, tmp_path: Path) -> None:
    near.files[HUB, OTHER, FILE] = CONTENT
    assert read(revision=OTHER) == CONTENT
    (path,) = kept(tmp_path)
    reference = path.parents[2] / "refs" / PIN
    reference.parent.mkdir(exist_ok=True)
    reference.write_text(OTHER)
    refused(SOURCE, PIN, "another one", f"Remove {path}")


def test_a_file_with_another_digest_than_the_recorded_one_names_both_and_what_to_remove(near: Loopback) -> None:
    source, other = changed(digests={FILE: SHA256}), CONTENT.replace(b"a", b"b", 1)
    near.faults = [Fault("GET", body=other)]
    message = refused(source, SHA256, hashlib.sha256(other).hexdigest(), "Remove")
    assert refused(source) == message
    Path(message.split("Remove ")[1].split(" and run again")[0]).unlink()
    assert read(source) == CONTENT


@pytest.mark.parametrize("large", [False, True])
def test_without_a_recorded_digest_the_name_that_the_hub_gave_is_compared(near: Loopback, large: bool) -> None:
    near.large, near.faults = large, [Fault("GET", body=CONTENT.replace(b"a", b"b", 1))]
    refused(SOURCE, "not the one on record", SHA256 if large else git_name(CONTENT))


def test_a_digest_is_recorded_for_the_pinned_commit_only(near: Loopback) -> None:
    near.files[HUB, OTHER, FILE] = CONTENT
    assert read(changed(digests={FILE: "0" * 64}), OTHER) == CONTENT


# --- the hub: gates, moves, mirrors -----------------------------------------------------------------------------------------


def test_a_gate_without_a_token_names_the_page_and_the_variable(near: Loopback) -> None:
    near.gated[HUB] = {TOKEN}
    refused(SOURCE, f"Accept the terms at https://huggingface.co/datasets/{HUB}", "set the variable HF_TOKEN")
    refused(changed(gate="https://example.org/form"), "https://example.org/form", "set the variable HF_TOKEN")


def test_a_gate_that_the_account_has_not_passed_says_so(near: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    near.gated[HUB] = set()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    refused(SOURCE, "with the account whose token is in HF_TOKEN", f"https://huggingface.co/datasets/{HUB}")
    assert {request.token for request in near.requests("HEAD")} == {TOKEN}


def test_a_gate_lets_a_token_through_and_a_stored_login_too(hub: Loopback, tmp_path: Path) -> None:
    hub.gated[HUB] = {TOKEN}
    arrived(ask(hub, tmp_path / "a", HF_TOKEN=TOKEN), tmp_path / "a")
    (tmp_path / "b" / "hf").mkdir(parents=True)
    (tmp_path / "b" / "hf" / "token").write_text(TOKEN)
    arrived(ask(hub, tmp_path / "b"), tmp_path / "b")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "token" and TOKEN.encode() in path.read_bytes()]


def test_a_token_that_is_not_valid_says_where_to_make_one(near: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    near.invalid = {TOKEN}
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    refused(SOURCE, "not valid", "https://huggingface.co/settings/tokens", "HF_TOKEN")


@pytest.mark.parametrize("token", ["", TOKEN])
def test_a_missing_repository_says_what_it_may_be(near: Loopback, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    source = changed(hub_id="nobody/nothing", former=("nobody/before",))
    refused(source, "moved, private or gated", "https://huggingface.co/datasets/nobody/nothing", "HF_TOKEN", "`path:`", "nobody/before")


def test_an_answer_of_403_without_a_gate_says_what_it_may_be(near: Loopback) -> None:
    near.faults = [Fault("HEAD", 403)] * 2
    refused(SOURCE, "moved, private or gated", f"https://huggingface.co/datasets/{HUB}")
    refused(changed(gate="https://example.org/form"), "Accept the terms at https://example.org/form", "HF_TOKEN")


def test_a_missing_commit_and_a_missing_file_are_told_apart(near: Loopback) -> None:
    near.files = {(HUB, OTHER, FILE): CONTENT}
    refused(SOURCE, "commit does not exist", f"https://huggingface.co/datasets/{HUB}/commits/main", "`revision:`")
    near.files = {(HUB, PIN, "renamed.csv"): CONTENT}
    refused(SOURCE, f"{HUB}/{FILE}", "file does not exist", f"https://huggingface.co/datasets/{HUB}/tree/main", "`path:`")


def test_a_set_that_moved_is_followed(near: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    near.moved["old/XSTest"], near.gated[HUB] = HUB, {TOKEN}
    assert read(changed(hub_id="old/XSTest")) == CONTENT
    assert f"/datasets/{HUB}/resolve/{PIN}/{FILE}" in [request.path for request in near.requests("GET")]


def test_a_cache_filled_under_a_former_id_serves_offline(near: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    near.files["old/XSTest", PIN, FILE] = CONTENT
    assert read(changed(hub_id="old/XSTest")) == CONTENT
    near.log.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert read(changed(former=("older/XSTest", "old/XSTest"))) == CONTENT and near.log == []


def test_a_large_file_comes_from_another_host_which_never_sees_the_token(near: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    near.large, near.gated[HUB] = True, {TOKEN}
    assert read() == CONTENT
    (body,) = near.requests("GET")
    assert body.path.startswith("/cdn/") and body.host.startswith("localhost") and body.token is None


def test_what_is_no_hub_is_recognised(near: Loopback) -> None:
    near.faults = [Fault("HEAD", status=200, headers={"ETag": '"1"', "Content-Type": "text/html"})]
    refused(SOURCE, "no hub", "login page", "HF_ENDPOINT")


# --- the hub: offline -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TAXONOMY_BRIDGE_OFFLINE"])
def test_offline_makes_no_connection(hub: Loopback, tmp_path: Path, variable: str) -> None:
    done = ask(hub, tmp_path, **{variable: "1"})
    assert done.returncode == 1 and f"AccessError: source xstest: {HUB}/{FILE} at {PIN}: not in the cache, and {variable} is set" in done.stderr
    assert hub.log == []


@pytest.mark.parametrize("variable", _hub.OFFLINE)
def test_every_offline_variable_counts_when_it_is_true(near: Loopback, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    for value, found in (("1", [variable]), ("true", [variable]), ("0", []), ("", [])):
        monkeypatch.setenv(variable, value)
        assert _hub.offline() == found


def test_a_server_that_is_down_names_the_variable_and_hides_a_password(hub: Loopback, tmp_path: Path) -> None:
    hub.stop()
    done = ask(hub, tmp_path, HF_ENDPOINT=hub.endpoint.replace("//", f"//me:{TOKEN}@"))
    assert done.returncode == 1 and f"no file from {hub.endpoint} (ConnectError). Check the connection, the proxy and HF_ENDPOINT" in done.stderr


# --- the hub: limits, cuts, kills, restarts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{"Retry-After": "1"}, {"RateLimit": '"resolvers";r=0;t=1'}, {"Retry-After": "soon"}])
def test_a_limit_is_waited_for(near: Loopback, caplog: pytest.LogCaptureFixture, headers: dict[str, str]) -> None:
    near.faults = [Fault("HEAD", 429, headers)]
    assert read() == CONTENT
    assert f"HTTP 429; next attempt in {0 if 'soon' in headers.values() else 1} s" in caplog.text


def test_a_limit_of_an_hour_is_told_at_once(near: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    near.faults = [Fault("HEAD", 429, {"Retry-After": "3600"})] * 9
    refused(SOURCE, "too many requests", "3600 s", "set HF_TOKEN")
    assert len(near.requests("HEAD")) == 1
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert "set HF_TOKEN" not in refused(SOURCE, "too many requests")


@pytest.mark.parametrize(("status", "says"), [(429, "too many requests. Wait some minutes"), (503, "HTTP 503")])
def test_attempts_end(near: Loopback, status: int, says: str) -> None:
    near.faults = [Fault("HEAD", status)] * 9
    refused(SOURCE, says, "run again")
    assert len(near.requests("HEAD")) == 4


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_body_that_is_refused_once_comes_on_the_next_attempt(near: Loopback, status: int) -> None:
    near.faults = [Fault("GET", status, {"Retry-After": "0"})]
    assert read() == CONTENT


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_body_goes_on_where_it_stopped(near: Loopback, ranges: bool) -> None:
    # huggingface_hub takes bodies in pieces of 10 MB, and resumes after a whole piece.
    piece = _hub.library().constants.DOWNLOAD_CHUNK_SIZE
    near.files[HUB, PIN, FILE] = body = CONTENT * (piece // len(CONTENT) + 2)
    near.ranges, near.faults = ranges, [Fault(cut=piece + 1)]
    assert read() == body
    assert [request.range for request in near.requests()] == [None, f"bytes={piece}-"]


@pytest.mark.parametrize("reset", [True, False])
def test_a_small_body_that_breaks_off_is_asked_for_again(near: Loopback, reset: bool) -> None:
    near.faults = [Fault(cut=100, reset=reset)]
    assert read() == CONTENT
    assert len(near.requests()) == 2


def test_a_body_shorter_than_announced_by_the_hub_is_never_kept(near: Loopback, tmp_path: Path) -> None:
    near.faults = [Fault(body=CONTENT[:100])] * 9
    refused(SOURCE, "no file from", "run again")
    assert not kept(tmp_path)
    near.faults = []
    assert read() == CONTENT


def test_a_server_that_restarts_in_mid_download_does_no_harm(near: Loopback) -> None:
    near.faults = [Fault(cut=100, after=near.restart)]
    assert read() == CONTENT and len(near.requests()) == 2


def killed_in_mid_download(hub: Loopback, folder: Path, changes: dict[str, Any]) -> None:
    """Start a process, and kill it when part of the body has been sent."""
    sent, gone = threading.Event(), threading.Event()

    def hold() -> None:
        sent.set()
        gone.wait(60)

    hub.faults = [Fault(cut=100, after=hold)]
    with subprocess.Popen([sys.executable, "-c", PROGRAM, json.dumps(changes)], env=environment(hub, folder), stdout=subprocess.DEVNULL) as process:
        assert sent.wait(60)
        process.kill()
    gone.set()


@pytest.mark.parametrize("changes", [{}, {"hub_id": None, "github": REPOSITORY}], ids=["hub", "github"])
def test_after_a_kill_in_mid_download_the_next_run_has_the_right_bytes(hub: Loopback, tmp_path: Path, changes: dict[str, Any]) -> None:
    killed_in_mid_download(hub, tmp_path, changes)
    assert not kept(tmp_path)
    arrived(ask(hub, tmp_path, changes), tmp_path)


def test_a_bar_is_drawn_on_a_terminal_only(hub: Loopback, tmp_path: Path) -> None:
    assert "%|" not in ask(hub, tmp_path / "a").stderr
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    subprocess.run([sys.executable, "-c", PROGRAM, "{}"], check=True, env=environment(hub, tmp_path / "b"), stdout=subprocess.DEVNULL, stderr=writer)
    os.close(writer)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while piece := os.read(reader, 1 << 16):
            shown += piece
    os.close(reader)
    assert b"%|" in shown


def test_a_blocked_service_for_large_files_names_the_way_round(near: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> str:
        raise RuntimeError("Data processing error: CAS service error")

    monkeypatch.setattr(_hub.library(), "hf_hub_download", broken)
    refused(SOURCE, "RuntimeError", "HF_HUB_DISABLE_XET=1")


def test_a_disk_that_refuses_is_not_taken_for_the_network(near: Loopback, tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("a file where the cache should be")
    refused(SOURCE, "the download failed")
    assert len(near.requests("HEAD")) == 2


# --- GitHub -----------------------------------------------------------------------------------------------------------------

GITHUB = changed(hub_id=None, github=REPOSITORY)


def test_github_files_come_once_into_a_folder_of_our_own(near: Loopback, tmp_path: Path) -> None:
    near.files[REPOSITORY, PIN, "some data/a & b.csv"] = CONTENT
    source = dataclasses.replace(GITHUB, files={"default": {"train": ("some data/a & b.csv",)}})
    assert read(source) == read(source) == CONTENT
    assert [request.path for request in near.log] == [f"/someone/bench/{PIN}/some%20data/a%20%26%20b.csv"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "github" / "someone" / "bench" / PIN / "some data" / "a & b.csv"]


def test_github_needs_no_extra(near: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("huggingface_hub", "huggingface_hub.errors"):
        monkeypatch.setitem(sys.modules, name, None)
    assert read(GITHUB) == CONTENT
    with pytest.raises(MissingExtraError, match=r"taxonomy-bridge\[hub\]"):
        read(SOURCE)


@pytest.mark.parametrize("reset", [False, True])
def test_github_bodies_that_break_off_are_resumed(near: Loopback, reset: bool) -> None:
    near.faults = [Fault(cut=100, reset=reset), Fault(cut=50, reset=reset)]
    assert read(GITHUB) == CONTENT
    first, second, third = near.requests()
    assert first.range is None and len(near.log) == 3
    if not reset:
        assert (second.range, third.range) == ("bytes=100-", "bytes=150-")


def test_github_bodies_start_anew_where_parts_are_not_served(near: Loopback) -> None:
    near.ranges, near.faults = False, [Fault(cut=100)]
    assert read(GITHUB) == CONTENT


def test_github_bodies_start_anew_where_the_version_changed(near: Loopback) -> None:
    other = b"another,body\n" * 50
    near.faults = [Fault(cut=100, after=lambda: near.files.update({(REPOSITORY, PIN, FILE): other}))]
    assert read(GITHUB) == other


@pytest.mark.parametrize("part", ["bytes 7-9/10", "nonsense"])
def test_github_parts_that_were_not_asked_for_are_not_taken(near: Loopback, part: str) -> None:
    near.faults = [Fault(cut=100), Fault(headers={"Content-Range": part}), Fault()]
    assert read(GITHUB) == CONTENT
    assert [request.range for request in near.log] == [None, "bytes=100-", None]


def test_github_answers_416_by_starting_anew(near: Loopback) -> None:
    near.faults = [Fault(cut=100), Fault(status=416)]
    assert read(GITHUB) == CONTENT
    assert [request.range for request in near.log] == [None, "bytes=100-", None]


def test_github_restarts_in_mid_download(near: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retry, "PAUSES", (0.3, 0.3, 0.3))
    near.faults = [Fault(cut=100, after=near.restart)]
    assert read(GITHUB) == CONTENT and near.log[-1].range == "bytes=100-"


def test_github_attempts_end_and_leave_nothing(near: Loopback, tmp_path: Path) -> None:
    near.faults = [Fault(cut=10)] * 9
    refused(GITHUB, near.endpoint, "ConnectionError", "TAXONOMY_BRIDGE_GITHUB", "run again")
    assert len(near.log) == 4 and not kept(tmp_path)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(status=404), ("not found", "https://github.com/someone/bench", "`revision:`")),
        (Fault(status=403), ("private or gone",)),
        (Fault(status=429, headers={"Retry-After": "3600"}), ("too many requests. Wait 3600 s and run again",)),
        (Fault(status=410), ("HTTP 410",)),
        (Fault(status=302, headers={"Location": "/elsewhere"}), ("not found",)),
        (Fault(body=b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), ("Git LFS pointer", "`path:`")),
        (Fault(body=b"<!doctype html>", headers={"Content-Type": "text/html; charset=utf-8"}), ("web page", "login page")),
    ],
    ids=["404", "403", "429", "410", "redirect", "lfs", "html"],
)
def test_github_answers_that_are_no_file_say_what_to_do(near: Loopback, tmp_path: Path, fault: Fault, says: tuple[str, ...]) -> None:
    near.faults = [fault]
    refused(GITHUB, f"{REPOSITORY}/{FILE} at {PIN}", *says)
    assert not kept(tmp_path)
    assert read(GITHUB) == CONTENT


def test_github_redirect_loops_end(near: Loopback) -> None:
    near.faults = [Fault(status=302, headers={"Location": f"/someone/bench/{PIN}/{FILE}"})] * 40
    refused(GITHUB, "HTTP 302")


def test_github_files_are_compared_with_the_recorded_digest(near: Loopback) -> None:
    source, place = dataclasses.replace(GITHUB, digests={FILE: SHA256}), _github.place(REPOSITORY, PIN, FILE)
    near.faults = [Fault(body=b"something else")]
    refused(source, SHA256, hashlib.sha256(b"something else").hexdigest(), f"Remove {place}")
    place.unlink()
    assert read(source) == CONTENT


def test_github_offline_reads_the_cache_also_under_a_former_name(near: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    refused(GITHUB, "not in the cache, and HF_HUB_OFFLINE is set")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    read(GITHUB)
    monkeypatch.setenv("TAXONOMY_BRIDGE_OFFLINE", "yes")
    assert read(dataclasses.replace(GITHUB, github="new/bench", former=(REPOSITORY,))) == CONTENT
    assert len(near.log) == 1


@pytest.mark.parametrize("address", ["mirror.example", "file:///etc/passwd"])
def test_github_mirrors_are_addresses(near: Loopback, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("TAXONOMY_BRIDGE_GITHUB", address)
    refused(GITHUB, "TAXONOMY_BRIDGE_GITHUB is not an address")


def test_github_downloads_at_once_do_no_harm(near: Loopback, tmp_path: Path) -> None:
    near.faults = [Fault(cut=100), Fault(cut=200)]
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(read(GITHUB))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [CONTENT] * 8 and len(list((tmp_path / "github" / REPOSITORY / PIN).iterdir())) == 1


# --- what is told before anything is asked ----------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", ["main", "refs/convert/parquet", "8401fe6", "G" * 40, "8401FE609D288129CC684A9B3BE6A93E41CFE678"])
@pytest.mark.parametrize("source", [SOURCE, GITHUB], ids=["hub", "github"])
def test_moving_revisions_are_refused(source: _base.Source, revision: str) -> None:
    with pytest.raises(RecipeError, match="full commit"):
        _hub.files(source, None, "train", None, revision)


@pytest.mark.parametrize("source", [SOURCE, GITHUB], ids=["hub", "github"])
def test_unpinned_sources_are_refused(source: _base.Source) -> None:
    with pytest.raises(RecipeError, match=r"no revision of it is pinned.*`revision:`.*`path:`"):
        _hub.files(dataclasses.replace(source, revision=None), None, "train", None, None)


def test_a_source_that_lives_nowhere_needs_a_path() -> None:
    with pytest.raises(RecipeError, match=r"cannot be downloaded.*`path:`"):
        _hub.files(dataclasses.replace(SOURCE, hub_id=None), None, "train", None, None)


def test_a_folder_of_ones_own_is_read_and_a_path_goes_before_it(tmp_path: Path) -> None:
    own = dataclasses.replace(SOURCE, hub_id=None, revision=None, folder=FIXTURE.parent)
    assert [file.path for file in _hub.files(own, None, "train", None, None)] == [FIXTURE]
    (tmp_path / FILE).write_bytes(CONTENT)
    assert [file.path for file in _hub.files(own, None, "train", tmp_path, None)] == [tmp_path / FILE]
    assert {file.origin.revision for file in _hub.files(own, None, "train", None, OTHER)} == {OTHER}


# --- a whole build ----------------------------------------------------------------------------------------------------------


RECIPE = {
    "version": 1, "name": "loopback", "seed": 1, "intent": "research", "sources": [{"id": "xstest", "split": "train"}], "policies": ["native"],
    "export": [{"to": "trl"}],
}  # fmt: skip


def build(hub: Loopback, folder: Path, out: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Build a recipe that reads XSTest from the hub."""
    return run([*builds.COMMAND, str(builds.write(folder, RECIPE)), "--out", str(out)], hub, folder, **more)


def test_a_build_from_the_hub_is_pinned_and_an_offline_one_equals_it(hub: Loopback, tmp_path: Path) -> None:
    assert not registry.load("sources", "xstest").digests, "take a source whose digests are not on record: the fixture has others"
    online, offline = tmp_path / "online", tmp_path / "offline"
    assert build(hub, tmp_path, online, HF_TOKEN=TOKEN).returncode == 0
    lock = json.loads((online / "build.lock.json").read_text())
    assert [(file["source"], file["revision"], file["sha256"]) for file in lock["files"]] == [("xstest", PIN, SHA256)]
    hub.log.clear()
    assert build(hub, tmp_path, offline, HF_HUB_OFFLINE="1").returncode == 0
    assert hub.log == [] and builds.tree(online) == builds.tree(offline) and "content_hash" in (offline / "manifest.json").read_text()
    assert not any(TOKEN.encode() in content for content in builds.tree(online).values())


def test_a_build_whose_gate_is_shut_says_so_in_one_line_and_writes_nothing(hub: Loopback, tmp_path: Path) -> None:
    hub.gated[HUB] = set()
    done = build(hub, tmp_path, tmp_path / "out")
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1 and not (tmp_path / "out").exists()
    assert f"https://huggingface.co/datasets/{HUB}" in done.stderr and "HF_TOKEN" in done.stderr


def test_doctor_says_where_downloads_come_from_and_never_the_token(hub: Loopback, tmp_path: Path) -> None:
    arrived(ask(hub, tmp_path), tmp_path)
    hub.log.clear()
    secret = {"HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "1", "HF_ENDPOINT": hub.endpoint.replace("//", f"//me:{TOKEN}@")}
    plain, machine = (run([*builds.COMMAND[:-1], "doctor", *options], hub, tmp_path, **secret).stdout for options in ([], ["--json"]))
    assert hub.log == []
    value = json.loads(machine)
    assert value["hub_token"] == "set" and value["hub_endpoint"] == value["github_endpoint"] == hub.endpoint and value["offline"] == ["HF_HUB_OFFLINE"]
    assert value["caches"]["hub"] == {"folder": str(tmp_path / "hf" / "hub"), "bytes": len(CONTENT)}
    assert value["caches"]["github"] == {"folder": str(tmp_path / "own" / "github"), "bytes": 0}
    assert all(word in plain for word in (hub.endpoint, "HF_HUB_OFFLINE", str(tmp_path / "hf" / "hub"), str(tmp_path / "own" / "github")))
