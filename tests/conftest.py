"""Shared places: data outside the repository that tests use when it is there."""

from __future__ import annotations

import os
import shutil
import sys
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
