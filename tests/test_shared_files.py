"""Every data file at hand is decoded by a test, or it is said here why no source reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from decoding import REAL, SYNTHETIC

NOT_READ = {
    "air_bench_2024/risk_mapping.json": "the category list, not rows",
    "dynahate_targets/2020-12-31-DynamicallyGeneratedHateDataset-targets-v0.1.csv": "a table of targets without texts or labels; the main table has both",
    "safetybench/test_answers_zh_subset.json": "numbers of right answers, without texts",
    "air_bench_2024/judge_prompts.arrow": "prompts for a judge, one per category: no judged text",
}


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".md")


@pytest.fixture(scope="module")
def tested() -> str:
    """The text of all tests that decode."""
    return "\n".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py") if path.name != Path(__file__).name)


@pytest.mark.skipif(not REAL.is_dir(), reason="real rows are not at hand")
def test_every_real_file_is_decoded_or_explained(tested):
    missing = [name for name in files(REAL) if Path(name).name not in tested and f'"{Path(name).parent}"' not in tested]
    assert [name for name in missing if name not in NOT_READ] == []
    assert [name for name in NOT_READ if not (REAL / name).is_file()] == []


@pytest.mark.skipif(not SYNTHETIC.is_dir(), reason="synthetic rows are not at hand")
def test_every_invented_folder_is_decoded(tested):
    assert [
        folder.name for folder in sorted(SYNTHETIC.iterdir()) if folder.is_dir() and f'"{folder.name}' not in tested and f"/{folder.name}" not in tested
    ] == []
