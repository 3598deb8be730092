"""Shared decoders for the label encodings that recur. Everything works on whole batches; unknown labels raise `RowError`.

A *draft* is a batch with one row per judgement: `_row`, `slot` and the columns of a judgement except id, origin and hashes. `judge`
makes one; a native row with two responses gives two drafts that `together` joins.

Category answers travel as bool tables of shape (rows, categories) in taxonomy order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from taxonomy_bridge import schema
from taxonomy_bridge.labels import VERDICT_CODES, Joined, slug_lists
from taxonomy_bridge.sources._base import RowError
from taxonomy_bridge.sources._native import native_json
from taxonomy_bridge.sources._read import ROW
from taxonomy_bridge.taxonomy import Taxonomy

Table = NDArray[np.bool_]
Names = Mapping[str, str | None]
DRAFT = pa.schema(
    [
        pa.field(ROW, pa.int64()),
        pa.field("slot", pa.string()),
        *[schema.JUDGEMENT.field(name).with_nullable(True) for name in (
            "judged", "history", "prompt", "response", "verdict", "taxonomy", "violated", "unjudged", "exhaustive",
            "votes", "adversarial", "refusal", "redacted", "severity", "language", "native",
        )],
    ]
)  # fmt: skip


def judge(
    rows: pa.RecordBatch,
    taxonomy: Taxonomy,
    *,
    verdict: pa.Array | str,
    native: Sequence[str],
    prompt: str | None = "prompt",
    response: str | None = None,
    slot: str | None = None,
    judged: str | None = None,
    violated: Table | None = None,
    unjudged: Table | None = None,
    exhaustive: bool | pa.Array | None = None,
    placeholders: Sequence[str] = (),
    **attributes: pa.Array | pa.Scalar | bool | str | None,
) -> pa.RecordBatch:
    """One draft row per row of `rows`.

    `prompt` and `response` name native columns. What is judged defaults to the response if there is one. `native` names the label
    columns that are kept verbatim as JSON. A text equal to one of `placeholders` is no text: it becomes null and `redacted` true.
    `attributes`: adversarial, refusal, severity, language, votes, history.
    """
    count, slugs = len(rows), list(taxonomy.by_slug)
    target = judged or ("response" if response else "prompt")
    none = np.zeros((count, len(slugs)), bool)
    texts = {name: _text(rows, column) for name, column in (("prompt", prompt), ("response", response))}
    hidden = {name: _is_placeholder(text, placeholders) for name, text in texts.items()} if placeholders else {}
    columns: dict[str, Any] = {
        ROW: rows[ROW],
        "slot": slot or target,
        "judged": target,
        "verdict": verdict,
        "taxonomy": taxonomy.id,
        "violated": slug_lists(none if violated is None else violated, slugs),
        "unjudged": slug_lists(none if unjudged is None else unjudged, slugs),
        "exhaustive": taxonomy.labels.exhaustive if exhaustive is None else exhaustive,
        "redacted": pc.or_(hidden["prompt"], hidden["response"]) if hidden else None,
        "native": native_json(rows, native),
        **texts,
        **attributes,
    }
    for name, mask in hidden.items():
        columns[name] = pc.if_else(mask, pa.scalar(None, pa.large_string()), texts[name])
    arrays = [_filled(columns.get(field.name), count, field.type) for field in DRAFT]
    return pa.RecordBatch.from_arrays(arrays, schema=DRAFT)


def together(*drafts: pa.RecordBatch) -> pa.RecordBatch:
    """Several drafts of one batch as one."""
    return pa.concat_batches(drafts)


def _filled(value: Any, count: int, kind: pa.DataType) -> pa.Array:
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return value.cast(kind)
    scalar = value if isinstance(value, pa.Scalar) else pa.scalar(value, kind)
    return pa.repeat(scalar.cast(kind), count) if scalar.is_valid else pa.nulls(count, kind)


def _text(rows: pa.RecordBatch, column: str | None) -> pa.Array:
    return rows[column].cast(pa.large_string()) if column else pa.nulls(len(rows), pa.large_string())


def _is_placeholder(text: pa.Array, placeholders: Sequence[str]) -> pa.Array:
    return pc.fill_null(pc.is_in(text, pa.array(list(placeholders), text.type)), False)


def one_of(column: pa.Array, table: Mapping[Any, str | None], what: str) -> pa.Array:
    """Look every value up in `table`; null stays null. Values outside the table raise `RowError`."""
    keys = pa.array(list(table), column.type)
    index = pc.index_in(column, keys)
    unknown = pc.and_(pc.is_valid(column), pc.is_null(index))
    if pc.any(unknown).as_py():
        raise RowError(unknown, f"unknown value in {what}")
    return pa.array(list(table.values()), pa.string()).take(index)


def yes_no(column: pa.Array, what: str) -> pa.Array:
    """A 0/1 column as booleans; null stays null, any other value raises `RowError`."""
    odd = pc.invert(pc.is_in(column, pa.array([0, 1, None], column.type)))
    if pc.any(odd).as_py():
        raise RowError(odd, f"{what} is neither 0 nor 1")
    return pc.equal(column, 1)


def by_rule(column: pa.Array, rule: Callable[[Any], str | None]) -> pa.Array:
    """`rule` of every value, asked once per distinct value; null stays null."""
    values = pc.drop_null(pc.unique(column))
    words = pa.array([rule(value) for value in values.to_pylist()], pa.string())
    return words.take(pc.index_in(column, values))


def equals(column: pa.Array, value: Any) -> Table:
    """Where a column has that value, as numpy; null is false."""
    return mask_of(pc.equal(column, value))


def present(*columns: pa.Array) -> Table:
    """Where none of the columns is null, as numpy."""
    valid = np.ones(len(columns[0]), bool)
    for column in columns:
        valid &= mask_of(pc.is_valid(column))
    return valid


def pick(rows: pa.RecordBatch, mask: Table) -> pa.RecordBatch:
    """The rows where `mask` is true."""
    return rows.filter(pa.array(mask))


def mask_of(column: pa.Array) -> Table:
    """A bool column as numpy; null counts as false."""
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), dtype=bool)


def umbrella(mask: Table, taxonomy: Taxonomy) -> Table:
    """A table for a taxonomy of one category that every unsafe row violates."""
    return mask.reshape(-1, 1).repeat(len(taxonomy.categories), axis=1)


def broken_digests(texts: pa.Array, digests: pa.Array) -> pa.Array:
    """Where a sha256 is given and is not that of the text. Hashing is per text: no vectorised sha256 exists."""
    found = pa.array([hashlib.sha256(text).hexdigest() for text in texts.cast(pa.large_binary()).to_pylist()], pa.string())
    return pc.fill_null(pc.not_equal(found, pc.ascii_lower(digests)), False)


def truth(column: pa.Array) -> NDArray[np.bool_]:
    """A bool or 0/1 column as numpy; null counts as false."""
    return mask_of(column.cast(pa.bool_()))


def bool_struct(column: pa.Array, taxonomy: Taxonomy) -> Table:
    """A struct of booleans, one field per category, as a table."""
    slugs = list(taxonomy.by_slug)
    table = np.zeros((len(column), len(slugs)), bool)
    for field, values in zip(column.type, column.flatten(), strict=True):
        table[:, slugs.index(taxonomy.by_native[field.name.casefold()])] |= truth(values)
    return table


def bool_struct_type(taxonomy: Taxonomy) -> pa.StructType:
    """The Arrow type of such a struct: the first native string of every assignable category."""
    return pa.struct([(category.native[0], pa.bool_()) for category in taxonomy.assignable])


def flags(rows: pa.RecordBatch, columns: Mapping[str, str], taxonomy: Taxonomy) -> tuple[Table, Table]:
    """0/1 columns, column name -> slug: (violated, unjudged). A null means that nobody judged the category."""
    slugs = list(taxonomy.by_slug)
    violated = np.zeros((len(rows), len(slugs)), bool)
    unjudged = np.zeros_like(violated)
    for name, slug in columns.items():
        violated[:, slugs.index(slug)] = truth(yes_no(rows[name], f"column {name}"))
        unjudged[:, slugs.index(slug)] = pc.is_null(rows[name]).to_numpy(zero_copy_only=False)
    return violated, unjudged


def delimited(column: pa.Array, taxonomy: Taxonomy, separator: str = ",", ignore: Sequence[str] = (), rename: Names | None = None) -> Table:
    """Names joined in one text, as a table; null and empty name nothing. Each distinct text is split once."""
    return _by_distinct(column, taxonomy, lambda value: [part.strip() for part in value.split(separator)], ignore, rename)


def one_label(column: pa.Array, taxonomy: Taxonomy, ignore: Sequence[str] = (), rename: Names | None = None) -> Table:
    """One name per row, as a table; null and empty name nothing. `rename`: native name -> slug, or None for no category."""
    return _by_distinct(column, taxonomy, lambda value: [value.strip()], ignore, rename)


def listed(column: pa.Array, taxonomy: Taxonomy, ignore: Sequence[str] = (), rename: Names | None = None) -> Table:
    """A list of names per row, as a table; null and empty lists name nothing. A list with an unknown name raises `RowError`."""
    parents = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
    table = np.zeros((len(column), len(taxonomy.by_slug)), bool)
    try:
        np.logical_or.at(table, parents, one_label(pc.list_flatten(column), taxonomy, ignore, rename))
    except RowError as error:
        bad = np.zeros(len(column), bool)
        bad[parents[mask_of(error.bad)]] = True
        raise RowError(pa.array(bad), error.reason) from error
    return table


def _by_distinct(column: pa.Array, taxonomy: Taxonomy, split: Callable[[str], list[str]], ignore: Sequence[str], rename: Names | None = None) -> Table:
    slugs, skip = list(taxonomy.by_slug), {"", *(label.casefold() for label in ignore)}
    known = {**taxonomy.by_native, **{name.casefold(): slug for name, slug in (rename or {}).items()}}
    skip |= {name for name, slug in known.items() if slug is None}
    encoded = pc.fill_null(column, "").dictionary_encode()
    table = np.zeros((len(encoded.dictionary), len(slugs)), bool)
    unknown = np.zeros(len(table), bool)
    for at, value in enumerate(encoded.dictionary.to_pylist()):
        for label in split(value):
            slug = known.get(label.casefold())
            if slug is not None:
                table[at, slugs.index(slug)] = True
            elif label.casefold() not in skip:
                unknown[at] = True
    indices = encoded.indices.to_numpy(zero_copy_only=False)
    if unknown.any():
        raise RowError(pa.array(unknown[indices]), f"label outside taxonomy {taxonomy.id}")
    return np.asarray(table[indices], dtype=bool)


def votes_column(joined: Joined, slugs: Sequence[str]) -> pa.Array:
    """Vote counts as the `votes` column: the verdict first (null category), then every category with a vote."""
    ticked = joined.votes_for[:, :-1] > 0
    shown = np.concatenate([np.ones((len(ticked), 1), bool), ticked], axis=1)
    rows, columns = np.nonzero(shown)
    order = np.array([len(slugs), *range(len(slugs))])[columns]
    names = pa.array([*slugs, None], pa.string()).take(pa.array(order))
    votes = [pa.array(table[rows, order], pa.int16()) for table in (joined.votes_for, joined.votes_against)]
    offsets = np.zeros(len(ticked) + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=len(ticked)), out=offsets[1:])
    values = pa.StructArray.from_arrays([names, *votes], fields=list(schema.VOTE))
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def joined_verdict(joined: Joined) -> pa.Array:
    """The verdict codes of joined annotations as text."""
    names = pa.array([VERDICT_CODES[code] for code in (-1, 0, 1, 2)], pa.string())
    return names.take(pa.array(joined.verdict.astype(np.int64) + 1))


def when(mask: NDArray[np.bool_], yes: str | None, no: str | None) -> pa.Array:
    """One of two words per row."""
    return pa.array([no, yes], pa.string()).take(pa.array(mask.astype(np.int8)))
