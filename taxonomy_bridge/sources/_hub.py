"""Files of a source: local ones if a path is given, otherwise the pinned ones, downloaded from the hub or from GitHub.

Only full commits are downloaded, never a branch, and what came is compared with the commit and the digests on record. `HF_TOKEN`, `HF_HOME` and `HF_ENDPOINT`
are honoured by huggingface_hub; a token is never logged. With any of the variables in `OFFLINE` set nothing is asked of the network. Nothing is executed.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from taxonomy_bridge import storage
from taxonomy_bridge.errors import AccessError, MissingExtraError, RecipeError
from taxonomy_bridge.safetext import shown
from taxonomy_bridge.sources import _base, _github, _retry

COMMIT = re.compile(r"[0-9a-f]{40}")
HUB = "https://huggingface.co"
OFFLINE = ("TAXONOMY_BRIDGE_OFFLINE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")


def files(source: _base.Source, config: str | None, split: str, path: Path | None, revision: str | None) -> list[_base.NativeFile]:
    """What to read for a split of a source.

    `path`: a folder in the native layout, or one file; None takes the source's own folder, if it has one. `revision`: a full commit that replaces
    the pinned one; with a path it is only recorded.

    Raises `RecipeError` (no such revision), `InputError` (no such path), `AccessError` (a file cannot be had, or is not the right one), `MissingExtraError`.
    """
    if found_problems := problems(source, config, split, path, revision):
        raise RecipeError(found_problems)
    place = path or source.folder
    if place is not None:
        found = _base.local_files(source, config, split, place)
        return [_base.with_revision(file, revision) for file in found] if revision else found
    chosen = str(revision or source.revision)
    natives = source.natives(config, split)
    return [_base.native_file(source, native, _obtain(source, native.path, chosen), chosen) for native in natives]


def problems(source: _base.Source, config: str | None, split: str, path: Path | None, revision: str | None) -> list[str]:
    """What stands in the way of reading a split, as far as it can be told without touching the network.

    Raises `UnknownNameError` if there is no such config or split.
    """
    source.natives(config, split)
    if revision is not None and not COMMIT.fullmatch(revision):
        return [f"source {source.name}: revision {revision!r} is not a full commit. Give its 40 hexadecimal digits, not a branch or tag."]
    if path is not None or source.folder is not None:
        return []
    if source.hub_id is None and source.github is None:
        return [f"source {source.name} cannot be downloaded from here. Get it from {source.homepage or 'its publisher'} and give `path:`."]
    if revision is None and source.revision is None:
        return [
            f"source {source.name}: no revision of it is pinned. Give `revision:` (the 40 hexadecimal digits of a commit) or `path:` (a local copy), or --data."
        ]
    if source.hub_id is not None:
        library()
    return []


def offline() -> list[str]:
    """The variables that forbid the network, as far as they are set."""
    return [name for name in OFFLINE if os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")]


def has_token() -> bool:
    """Whether a token for the hub is set or stored. The token itself is not read."""
    return any(os.environ.get(name) for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")) or Path(library().constants.HF_TOKEN_PATH).is_file()


def endpoint() -> str:
    """Where the hub is asked for files."""
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def library() -> Any:
    """The package huggingface_hub. Raises `MissingExtraError`."""
    try:
        import huggingface_hub.constants
        import huggingface_hub.errors
    except ImportError as error:
        raise MissingExtraError.needed("reading from the hub", "hub") from error
    return huggingface_hub


def _cached(source: _base.Source, native: str, revision: str) -> Path | None:
    """A file that an earlier run left in the cache, under the present id of its repository or a former one."""
    for repository in (source.hub_id or source.github, *source.former):
        if source.hub_id is None:
            found: Any = _github.place(str(repository), revision, native)
            found = found if found.is_file() else None
        else:
            found = library().try_to_load_from_cache(repository, native, repo_type="dataset", revision=revision)
        if isinstance(found, (str, Path)):
            return Path(found)
    return None


def _obtain(source: _base.Source, native: str, revision: str) -> Path:
    """One file at one commit, from the cache or the network, compared with what is on record."""
    what = f"source {source.name}: {source.hub_id or source.github}/{native} at {revision}"
    try:
        found = _cached(source, native, revision)
        if found is None:
            if forbidden := offline():
                raise AccessError(f"not in the cache, and {forbidden[0]} is set. Unset it and run again with a connection, or give `path:` of a local copy.")
            found = _retry.patiently(what, _attempt(source, native, revision), partial(_advice, source))
        _verify(source, native, found, revision)
    except AccessError as error:
        raise AccessError(f"{what}: {error}") from error.__cause__
    return found


def _attempt(source: _base.Source, native: str, revision: str) -> Callable[[], Path]:
    """What downloads a file, to be called again where that may help."""
    if source.hub_id is not None:
        return partial(_from_hub, source.hub_id, native, revision)
    return partial(_github.download, str(source.github), revision, native, _github.Body())


def _from_hub(repository: str, native: str, revision: str) -> Path:
    """One attempt. The commit is asked for first, so that a server with another one leaves nothing in the cache.

    Raises `OSError`: the answer of the hub, or a `ConnectionError` whose cause is what broke.
    """
    hub = library()
    try:
        answered = hub.get_hf_file_metadata(hub.hf_hub_url(repository, native, repo_type="dataset", revision=revision)).commit_hash
        if answered is None:
            raise AccessError("what answers is no hub: it names no commit. Is a login page or a proxy in between? Check the network and HF_ENDPOINT.")
        if answered != revision:
            raise AccessError(f"the server answered with another commit, {answered}. Nothing was kept. Check HF_ENDPOINT, or give `path:` of a local copy.")
        return Path(hub.hf_hub_download(repository, native, repo_type="dataset", revision=revision))
    except (hub.errors.HTTPError, OSError, RuntimeError) as error:
        if getattr(error, "response", None) is not None or getattr(error, "errno", None) is not None or isinstance(error, hub.errors.EntryNotFoundError):
            raise
        # httpx and hf_xet have classes of their own for lost connections; a size that does not fit is a bare OSError.
        raise ConnectionError(str(error)) from error


def _advice(source: _base.Source, error: BaseException) -> str:
    """What went wrong, and what to do."""
    hub, status = source.hub_id is not None, _retry.status(error)
    if status == 429:
        seconds = _retry.asked(error)
        token = " or set HF_TOKEN, which allows more requests," if hub and not has_token() else ""
        return f"too many requests. Wait {f'{seconds} s' if seconds else 'some minutes'}{token} and run again: finished files are kept."
    if status in (401, 403, 404):
        return _refused(source, error) if hub else _absent(source)
    if _retry.passes(error) or isinstance(error, FileNotFoundError):
        place, variable = (endpoint(), "HF_ENDPOINT") if hub else (_github.endpoint(), "TAXONOMY_BRIDGE_GITHUB")
        xet = " HF_HUB_DISABLE_XET=1 avoids the service for large files." if isinstance(error.__cause__, RuntimeError) else ""
        said = f"no file from {shown(place)} ({_retry.said(error)})"
        return f"{said}. Check the connection, the proxy and {variable}, then run again: finished files are kept. Or give `path:`.{xet}"
    return f"the download failed ({_retry.said(error)}). Run again: finished files are kept. Or give `path:` of a local copy."


def _absent(source: _base.Source) -> str:
    page = f"https://github.com/{source.github}"
    return f"not found: no such file at that commit, or the repository is private or gone. Look at {page}, and give another `revision:` or `path:`."


def _refused(source: _base.Source, error: Any) -> str:
    """Advice for an answer by which the hub keeps a file back."""
    errors, page, token = library().errors, f"{HUB}/datasets/{source.hub_id}", has_token()
    if isinstance(error, errors.RevisionNotFoundError):
        return f"that commit does not exist there. Look at {page}/commits/main, and give another `revision:` or `path:`."
    if isinstance(error, errors.EntryNotFoundError):
        return f"that file does not exist there. Look at {page}/tree/main: it may have been renamed. Give `path:` of a local copy."
    if token and "Invalid credentials" in error.response.headers.get("X-Error-Message", ""):
        return f"the token that is set is not valid. Make a read token at {HUB}/settings/tokens and set the variable HF_TOKEN to it."
    if isinstance(error, errors.GatedRepoError) or (source.gate and _retry.status(error) in (401, 403)):
        terms = f"access is restricted. Accept the terms at {source.gate or page}"
        if not token:
            return f"{terms}, then set the variable HF_TOKEN to a read token of that account."
        return f"{terms} with the account whose token is in HF_TOKEN: it has no access yet. A fine-grained token must also allow gated repositories."
    known = f" Formerly {', '.join(source.former)}." if source.former else ""
    return f"not found: moved, private or gated. Open {page}; if it asks for access, accept the terms and set HF_TOKEN; otherwise give `path:`.{known}"


def _verify(source: _base.Source, native: str, path: Path, revision: str) -> None:
    """Refuse a file of another commit, or with another digest than the one on record: ours, or the name that the hub's cache gave it."""
    if revision not in path.parts:
        raise AccessError(f"asked for that commit, the cache returned another one. Remove {path} and run again.")
    name = path.readlink().name if path.is_symlink() else ""
    if revision == source.revision and native in source.digests:
        wanted, actual = source.digests[native], [storage.file_sha256(path)]
    elif re.fullmatch(r"[0-9a-f]{64}", name):
        wanted, actual = name, [storage.file_sha256(path)]
    elif COMMIT.fullmatch(name):
        wanted, actual = name, _sha1(path)
    else:
        return
    if wanted not in actual:
        raise AccessError(
            f"the file is not the one on record: its digest is {actual[0]}, expected {wanted}. Remove {path.resolve()} and run again; "
            "if it stays so, the server has another file: give `path:` of a copy that you trust."
        )


def _sha1(path: Path) -> list[str]:
    """Names of a small file in the hub's cache: that of git, or the plain digest that some mirrors send."""
    git, plain = (hashlib.sha1(start, usedforsecurity=False) for start in (b"blob %d\0" % path.stat().st_size, b""))
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            git.update(piece)
            plain.update(piece)
    return [git.hexdigest(), plain.hexdigest()]
