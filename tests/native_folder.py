"""The shared rows: which files there are, and the same laid out as their publishers do, one sub-folder per source, as symbolic links."""

from __future__ import annotations

from pathlib import Path

from taxonomy_bridge import registry
from taxonomy_bridge.sources._base import COMPRESSIONS

# source, config, split, file below the folder
REAL = [
    ("beavertails", "default", "30k_test", "data/beavertails/30k_test.jsonl.xz"),
    ("aegis-2", "default", "test", "data/aegis2_prompts/aegis2_test_prompts.json"),
    ("toxicchat", "toxicchat0124", "train", "data/toxicchat/toxic-chat_annotation_toxic_rows.csv"),
    ("openai-moderation", "default", "train", "data/openai_moderation/samples-1680.jsonl.gz"),
    ("xstest", "default", "train", "data/xstest/xstest_prompts.csv"),
    ("pku-saferlhf", "alpaca-7b", "test", "data/pku_saferlhf/Alpaca-7B_test.jsonl"),
]
INVENTED = [
    ("wildguardmix", "wildguardtrain", "train", "data_synthetic/wildguardmix/train/wildguard_train.parquet"),
    ("wildguardmix", "wildguardtest", "test", "data_synthetic/wildguardmix/test/wildguard_test.parquet"),
    ("or-bench", "or-bench-hard-1k", "train", "data_synthetic/or_bench/or-bench-hard-1k.csv"),
    ("or-bench", "or-bench-80k", "train", "data_synthetic/or_bench/or-bench-80k.csv"),
    ("or-bench", "or-bench-toxic", "train", "data_synthetic/or_bench/or-bench-toxic.csv"),
    ("pku-saferlhf", "alpaca-7b", "train", "data_synthetic/pku_saferlhf/Alpaca-7B/train.jsonl"),
    ("toxicchat", "toxicchat0124", "test", "data_synthetic/toxicchat/data/0124/toxic-chat_annotation_test.csv"),
    ("toxicchat", "toxicchat1123", "test", "data_synthetic/toxicchat/data/1123/toxic-chat_annotation_test.csv"),
    ("openai-moderation", "default", "train", "data_synthetic/openai_moderation/samples-placeholder.jsonl.gz"),
    ("do-not-answer", "default", "train", "data_synthetic/do_not_answer/do_not_answer_en.csv"),
    ("hex-phi", "default", "train", "data_synthetic/hex_phi/category_3.csv"),
]


def native_folder(shared: Path, folder: Path, files: list[tuple[str, str, str, str]]) -> Path:
    """Links to `files` under `folder`. A file of another format than the native one is left out, and so is a second file for one place."""
    for name, config, split, path in files:
        native = registry.load("sources", name).natives(config, split)[0].path
        bare = next((native.removesuffix(ending) for ending in COMPRESSIONS if native.endswith(ending)), native)
        packed = next((ending for ending in COMPRESSIONS if path.endswith(ending)), "")
        place = folder / name / (bare + packed)
        if place.exists() or Path(path.removesuffix(packed)).suffix != Path(bare).suffix:
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to((shared / path).resolve())
    return folder
