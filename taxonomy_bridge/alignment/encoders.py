"""Encoders: anything with `encode(list[str]) -> float32 (n, d)`. Static models need no torch; vectors are kept by hash of text and model."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from taxonomy_bridge import paths
from taxonomy_bridge.errors import InputError, MissingExtraError

Vectors = NDArray[np.float32]
BETTER = (
    "aligned without an encoder; better: --encoder MODEL (a static model folder needs pip install 'taxonomy-bridge[tokenizer]', "
    "any sentence-transformers model 'taxonomy-bridge[embeddings]')"
)
_TYPES = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "I8": "i1", "I64": "<i8", "I32": "<i4", "U8": "u1"}


class Encoder(Protocol):
    """What is asked of an encoder."""

    def encode(self, texts: list[str]) -> Vectors:
        """One row per text."""
        ...


class StaticModel:
    """A table of token vectors: model2vec folders, and static sentence-transformers folders (tokenizer.json, model.safetensors)."""

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("tokenizers") is None:
            raise MissingExtraError.needed("a static embedding model", "tokenizer")
        from tokenizers import Tokenizer

        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        tensors = read_safetensors(folder / "model.safetensors")
        table = tensors.get("embeddings", tensors.get("embedding.weight"))
        if table is None or table.ndim != 2:
            raise InputError(f"{folder} is no static model: model.safetensors has no table of token vectors.")
        self._table = table
        self._weights = tensors.get("weights")
        self._rows = tensors.get("mapping")
        unknown = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"].get("unk_token")
        self._unknown = self._tokenizer.token_to_id(unknown) if isinstance(unknown, str) else None

    def encode(self, texts: list[str]) -> Vectors:
        """Mean of the token vectors, of unit length; zeros for a text without a known token."""
        found = np.zeros((len(texts), self._table.shape[1]), np.float32)
        for row, encoding in enumerate(self._tokenizer.encode_batch(texts, add_special_tokens=False)):
            tokens = np.array([token for token in encoding.ids if token != self._unknown], np.int64)
            if not len(tokens):
                continue
            places = self._rows[tokens] if self._rows is not None else tokens
            vectors = self._table[places].astype(np.float32)
            if self._weights is not None:
                vectors = vectors * self._weights[tokens].astype(np.float32)[:, None]
            mean = vectors.mean(axis=0)
            found[row] = mean / (np.linalg.norm(mean) or 1.0)
        return found


def read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a safetensors file, by name. Raises `InputError` if it is none."""
    raw = path.read_bytes()
    try:
        size = int.from_bytes(raw[:8], "little")
        header = json.loads(raw[8 : 8 + size])
        body = memoryview(raw)[8 + size :]
        return {
            name: np.frombuffer(body[facts["data_offsets"][0] : facts["data_offsets"][1]], _TYPES[facts["dtype"]]).reshape(facts["shape"])
            for name, facts in header.items() if name != "__metadata__"
        }  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no safetensors file with plain numbers: {error}") from error


def open_encoder(name: str) -> tuple[Encoder, str]:
    """An encoder and a hash that stands for it: a static model's folder, or a sentence-transformers model by folder or hub id."""
    folder = Path(name).expanduser()
    if folder.is_dir() and (folder / "tokenizer.json").is_file() and _static(folder):
        return StaticModel(folder), _identity(folder)
    if importlib.util.find_spec("sentence_transformers") is None:
        raise MissingExtraError.needed(f"the encoder {name}", "embeddings")
    model: Any = importlib.import_module("sentence_transformers").SentenceTransformer(str(folder) if folder.is_dir() else name, device="cpu")

    class Wrapped:
        def encode(self, texts: list[str]) -> Vectors:
            return np.asarray(model.encode(texts, convert_to_numpy=True, show_progress_bar=False), np.float32)

    return Wrapped(), _identity(folder) if folder.is_dir() else hashlib.sha256(name.encode()).hexdigest()[:16]


def _static(folder: Path) -> bool:
    if not (folder / "modules.json").is_file():
        return True
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    return bool(modules) and str(modules[0].get("type", "")).endswith("StaticEmbedding")


def _identity(folder: Path) -> str:
    """Hash of the weights and the tokenizer: a changed model never meets the vectors of the old one."""
    told = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".safetensors", ".bin", ".json"}:
            told.update(path.relative_to(folder).as_posix().encode())
            told.update(path.read_bytes())
    return told.hexdigest()[:16]


class Cached:
    """An encoder that asks only for texts it has not seen. `identity` stands for the model; one file per model."""

    def __init__(self, encoder: Encoder, identity: str, folder: Path | None = None) -> None:
        self._encoder = encoder
        self._path = (folder or paths.cache("alignment")) / f"vectors-{identity}.npz"
        self.identity = identity
        self._known: dict[str, Vectors] = {}
        if self._path.is_file():
            try:
                with np.load(self._path) as stored:
                    self._known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))
            except (OSError, ValueError, KeyError):
                self._known = {}  # damaged: computed again and replaced

    def encode(self, texts: list[str]) -> Vectors:
        """As the encoder inside."""
        keys = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts]
        fresh = dict.fromkeys((key, text) for key, text in zip(keys, texts, strict=True) if key not in self._known)
        if fresh:
            found = np.asarray(self._encoder.encode([text for _, text in fresh]), np.float32)
            self._known.update({key: vector for (key, _), vector in zip(fresh, found, strict=True)})
            self._store()
        return np.stack([self._known[key] for key in keys]) if keys else np.zeros((0, 0), np.float32)

    def _store(self) -> None:
        import io

        from taxonomy_bridge import storage

        buffer = io.BytesIO()
        np.savez(buffer, keys=np.array(list(self._known)), vectors=np.stack(list(self._known.values())))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        storage.write_bytes(self._path, buffer.getvalue())


def encode_with(encoder: Encoder | Callable[[list[str]], Vectors], texts: Sequence[str]) -> Vectors:
    """Vectors of unit length, checked for their shape."""
    found = np.asarray(encoder.encode(list(texts)) if hasattr(encoder, "encode") else encoder(list(texts)), np.float32)
    if found.ndim != 2 or len(found) != len(texts) or not np.isfinite(found).all():
        raise InputError(f"the encoder gave {found.shape} for {len(texts)} texts: it must give one finite row per text.")
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.where(lengths == 0, 1, lengths), np.float32)
