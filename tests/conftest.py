"""Shared places: data outside the repository that tests use when it is there."""

from __future__ import annotations

import os
import shutil
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import settings

# Machines are shared and noisy: no test may fail for being slow.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
SHARED = HERE.parents[1] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with real and invented rows in native layouts."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the folder with real rows is not there")
    return SHARED


@pytest.fixture(scope="module")
def browser():
    """A real Chromium; without one the tests are skipped, in CI they fail."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no chromium on this machine; Debian's package is called chromium")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def own(tmp_path, request):
    """A function that writes data and an adapter into a folder that holds a list under an id of its own, and gives the adapter's path."""
    import own_data

    from taxonomy_bridge import registry

    name = f"park-{zlib.crc32(request.node.name.encode())}"
    (tmp_path / f"{name}.yaml").write_text(own_data.LIST.format(id=name))

    def write(adapter: str | None = None, files: dict[str, str | bytes] | None = None, stem: str = "posts"):
        for file, content in (files or {"posts.csv": own_data.CSV}).items():
            (tmp_path / file).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
        path = tmp_path / f"{stem}.yaml"
        path.write_text((adapter or own_data.GOOD).format(id=name))
        return path

    write.id, write.folder = name, tmp_path
    yield write
    registry._OWN.clear()
