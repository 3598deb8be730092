"""From a description to a contract of columns and a decoder over whole batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy_bridge.sources._base import Origin, RowError
from taxonomy_bridge.sources._decode import Table, bool_struct, bool_struct_type, delimited, equals, flags, judge, listed, one_label, one_of, pick
from taxonomy_bridge.sources._description import Description, Labels, Reading, VerdictReading
from taxonomy_bridge.sources._read import ROW, native_name
from taxonomy_bridge.taxonomy import Taxonomy

TYPES = {"string": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "strings": pa.list_(pa.string())}
Problem = tuple[tuple[str | int, ...], str]


def judged(told: Description) -> str:
    """What a verdict is about."""
    return told.judges or ("response" if told.response else "prompt")


# --- columns ----------------------------------------------------------------------------------------------------------


def schema(told: Description, taxonomy: Taxonomy) -> pa.Schema:
    """The columns to read: those that the description names, each with a value in every record unless it is optional."""
    kinds = _kinds(told, taxonomy)
    names = list(told.layout.columns) or list(kinds)
    fields = {name: pa.field(name, kinds.get(name, pa.string()), nullable=name in told.optional or name not in kinds) for name in names}
    if not _nests(told):
        return pa.schema(list(fields.values()))
    roots: dict[str, Any] = {}
    for name, field in fields.items():
        *parents, leaf = name.split(".")
        at = roots
        for parent in parents:
            at = at.setdefault(parent, {})
        at[leaf] = field
    return pa.schema([_nested(name, below) for name, below in roots.items()])


def _nested(name: str, below: Any) -> pa.Field:
    if isinstance(below, pa.Field):
        return below.with_name(name)
    fields = [_nested(leaf, deeper) for leaf, deeper in below.items()]
    return pa.field(name, pa.struct([field.with_nullable(True) for field in fields]), nullable=all(field.nullable for field in fields))


def _nests(told: Description) -> bool:
    """Whether a dot in a name means a field of a nested column: it is a plain letter in tables of text."""
    files = [file for splits in told.files.values() for files in splits.values() for file in files]
    return all(Path(native_name(Path(file))).suffix not in (".csv", ".tsv", ".txt") for file in files)


def _kinds(told: Description, taxonomy: Taxonomy) -> dict[str, pa.DataType]:
    """Column -> type, in the order in which the description names them."""
    kinds: dict[str, pa.DataType] = {name: pa.string() for name in (told.prompt, told.response) if name}
    readings = [told.verdict, told.adversarial, told.refusal, told.severity, told.language]
    for reading in readings:
        if isinstance(reading, Reading) and reading.column:
            kinds.setdefault(reading.column, _kind(reading, plain=pa.bool_() if reading in (told.adversarial, told.refusal) else pa.string()))
    if told.severity and told.severity.column and told.severity.values is None:
        kinds[told.severity.column] = pa.int64()
    if told.labels:
        kinds |= _label_kinds(told.labels, taxonomy)
    kinds |= {name: pa.string() for name in told.native if name not in kinds}
    return kinds | {name: TYPES[kind] for name, kind in told.types.items() if name in kinds}


def _kind(reading: Reading, plain: pa.DataType) -> pa.DataType:
    if reading.at_least is not None or reading.above is not None:
        return pa.float64()
    if reading.values is None:
        return plain
    keys = set(reading.values)
    if keys <= {"true", "false"}:
        return pa.bool_()
    return pa.int64() if all(key.removeprefix("-").isdigit() for key in keys) else pa.string()


def _label_kinds(labels: Labels, taxonomy: Taxonomy) -> dict[str, pa.DataType]:
    if labels.column:
        return {labels.column: pa.string()}
    if labels.struct:
        return {labels.struct: bool_struct_type(taxonomy)}
    return dict.fromkeys(labels.columns or (), pa.int64() if labels.at_least is None and labels.above is None else pa.float64())


# --- decoding ---------------------------------------------------------------------------------------------------------


def decoder(told: Description, taxonomy: Taxonomy) -> Callable[[pa.RecordBatch, Origin], pa.RecordBatch]:
    """The function that turns native rows into judgements."""
    kinds = _kinds(told, taxonomy)
    texts = {told.prompt, told.response}
    native = [name for name in kinds if name not in texts]
    absent = _without_column(told.labels, taxonomy)

    def decode(rows: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
        rows = _flat(rows, kinds, told) if _nests(told) else rows
        named, open_ = _named(told, taxonomy, rows, origin)
        words = _words_of_labels(named, open_ | absent) if told.verdict.labels else _words(told.verdict, rows, origin)
        kept = ~equals(words, "skip")
        rows, words, named, open_ = pick(rows, kept), words.filter(pa.array(kept)), named[kept], open_[kept]
        verdict = pc.if_else(pc.equal(words, "none"), pa.scalar(None, pa.string()), words)
        unsafe, safe = equals(words, "unsafe"), equals(words, "safe")
        violated = named & unsafe[:, None]
        # Categories that no column speaks of: only a safe verdict of its own speaks of them too.
        open_ |= absent & ~(safe & (not told.verdict.labels))[:, None]
        open_ |= named & (~unsafe & ~safe if told.labels is None or told.labels.safe_rows == "theme" else ~unsafe)[:, None]
        if not told.verdict.labels:
            open_ |= equals(words, "none")[:, None]
        return judge(
            rows, taxonomy, verdict=verdict, prompt=told.prompt, response=told.response, judged=judged(told), slot=judged(told), violated=violated,
            unjudged=open_ & ~violated, native=native, placeholders=told.placeholders, **_attributes(told, rows, origin),
        )  # fmt: skip

    return decode


def _flat(rows: pa.RecordBatch, kinds: dict[str, pa.DataType], told: Description) -> pa.RecordBatch:
    """Nested columns as plain ones with dotted names. A missing field that is not optional makes the row unreadable."""
    arrays = []
    for name in kinds:
        root, *path = name.split(".")
        column = pc.struct_field(rows[root], path) if path else rows[root]
        if column.null_count and name not in told.optional:
            raise RowError(pc.is_null(column), f"has no {name}")
        arrays.append(column)
    return pa.RecordBatch.from_arrays([*arrays, rows[ROW]], names=[*kinds, ROW])


def _place(reading: Reading | Labels, origin: Origin) -> Any:
    name = {"config": origin.config, "split": origin.split, "file": origin.file}[str(reading.by)]
    values = reading.values or {}
    return values.get(name, values.get("*"))


def _read(reading: Reading, rows: pa.RecordBatch, origin: Origin) -> pa.Array:
    """The answers of one reading as native or told values; null where there is none."""
    if reading.by:
        return pa.repeat(pa.scalar(_place(reading, origin)), len(rows))
    column = rows[reading.column]
    if reading.values is None:
        return column
    keys = _keys(reading, column.type)
    text = one_of(column, {key: str(number) for number, key in enumerate(keys)}, f"column {reading.column}")
    return pa.array(list(reading.values.values())).take(text.cast(pa.int64()))


def _keys(reading: Reading, kind: pa.DataType) -> list[Any]:
    """The keys of a table of values, as the type of its column."""
    keys = list(reading.values or ())
    if pa.types.is_boolean(kind):
        return [key == "true" for key in keys]
    return [int(key) if pa.types.is_integer(kind) else float(key) if pa.types.is_floating(kind) else key for key in keys]


def _words(reading: VerdictReading, rows: pa.RecordBatch, origin: Origin) -> pa.Array:
    if reading.at_least is not None or reading.above is not None:
        words = pc.if_else(_over(rows[reading.column], reading), "unsafe", "safe")
    else:
        words = _read(reading, rows, origin)
    if reading.missing is not None:
        return pc.fill_null(words.cast(pa.string()), reading.missing)
    if words.null_count:
        raise RowError(pc.is_null(words), f"has no {reading.column}")
    return words.cast(pa.string())


def _over(column: pa.Array, border: Reading | Labels) -> pa.Array:
    """Where a number is over its border; null where there is no number."""
    column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column) if pa.types.is_floating(column.type) else column
    return pc.greater_equal(column, border.at_least) if border.at_least is not None else pc.greater(column, border.above)


def _words_of_labels(named: Table, open_: Table) -> pa.Array:
    """Unsafe where a category is named, safe where none is and all were judged, else none."""
    return pc.if_else(pa.array(named.any(axis=1)), "unsafe", pc.if_else(pa.array(open_.any(axis=1)), "none", "safe"))


def _named(told: Description, taxonomy: Taxonomy, rows: pa.RecordBatch, origin: Origin) -> tuple[Table, Table]:
    """(named, not judged): tables of rows and categories."""
    labels, nothing = told.labels, np.zeros((len(rows), len(taxonomy.by_slug)), bool)
    slugs = list(taxonomy.by_slug)
    if labels is None:
        only = np.array([category.assignable for category in taxonomy.categories], bool)
        return np.broadcast_to(only, nothing.shape).copy(), nothing
    if labels.by:
        nothing[:, [slugs.index(slug) for slug in [_place(labels, origin)] if slug]] = True
        return nothing, np.zeros_like(nothing)
    if labels.columns:
        return _flagged(labels, taxonomy, rows)
    if labels.struct:
        for field, values in zip(rows[labels.struct].type, rows[labels.struct].flatten(), strict=True):
            nothing[:, slugs.index(taxonomy.by_native[field.name.casefold()])] = pc.is_null(values).to_numpy(zero_copy_only=False)
        return bool_struct(rows[labels.struct], taxonomy), nothing
    column = rows[labels.column]
    try:
        if pa.types.is_list(column.type):
            return listed(column, taxonomy, rename=labels.values), nothing
        found = delimited(column, taxonomy, labels.separator, rename=labels.values) if labels.separator else one_label(column, taxonomy, rename=labels.values)
    except RowError as error:
        raise RowError(error.bad, f"column {labels.column}: {error.reason}") from error
    return found, nothing


def _without_column(labels: Labels | None, taxonomy: Taxonomy) -> Table:
    """Assignable categories (m,) that none of the columns of 0 and 1 is about; a parent is what its children say."""
    named = set(labels.columns.values()) if labels and labels.columns else set(taxonomy.by_slug)
    named |= {above for slug in named for above in taxonomy.ancestors(slug)}
    return np.array([category.assignable and category.slug not in named for category in taxonomy.categories], bool)


def _flagged(labels: Labels, taxonomy: Taxonomy, rows: pa.RecordBatch) -> tuple[Table, Table]:
    columns = dict(labels.columns or {})
    if labels.at_least is None and labels.above is None:
        return flags(rows, columns, taxonomy)
    scored = {name: pc.cast(_over(rows[name], labels), pa.int64()) for name in columns}
    return flags(pa.RecordBatch.from_arrays(list(scored.values()), names=list(scored)), columns, taxonomy)


def _attributes(told: Description, rows: pa.RecordBatch, origin: Origin) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, reading, kind in (
        ("adversarial", told.adversarial, pa.bool_()), ("refusal", told.refusal, pa.bool_()),
        ("severity", told.severity, pa.int8()), ("language", told.language, pa.string()),
    ):  # fmt: skip
        if isinstance(reading, Reading):
            found[name] = _read(reading, rows, origin).cast(kind)
        elif isinstance(reading, bool):
            found[name] = reading
    return found


# --- checks -----------------------------------------------------------------------------------------------------------


def verdicts_at(told: Description, config: str, split: str, files: Sequence[str]) -> frozenset[str]:
    """The verdicts that rows of a place may have."""
    reading = told.verdict
    if reading.labels or reading.at_least is not None or reading.above is not None:
        words = {"safe", "unsafe"}
    elif reading.by:
        words = {str(_place(reading, Origin("", config, split, "", native_name(Path(file))))) for file in files}
    else:
        words = {*(reading.values or {}).values()}
    return frozenset(words | {str(reading.missing)} if reading.missing else words) - {"none", "skip", "None"}


def problems(told: Description, taxonomy: Taxonomy) -> list[Problem]:
    """What does not fit together, with the key that it stands under."""
    found: list[Problem] = []
    kinds = _kinds(told, taxonomy)
    places = {
        "config": set(told.files),
        "split": {split for splits in told.files.values() for split in splits},
        "file": {native_name(Path(file)) for splits in told.files.values() for files in splits.values() for file in files},
    }
    for key in ("verdict", "labels", "adversarial", "refusal", "severity", "language"):
        reading = getattr(told, key)
        if isinstance(reading, (Reading, Labels)) and reading.by and "*" not in (reading.values or {}):
            missing = sorted(places[reading.by] - set(reading.values or {}))
            found += [((key, "values"), f'{key}: says nothing of the {reading.by} {name}. Add it, or `"*"` for all others.') for name in missing]
    found += [
        ((key,), f"{key}: no column {name} is read. Columns: {', '.join(kinds)}.")
        for key in ("optional", "types")
        for name in getattr(told, key)
        if name not in kinds
    ]
    if not told.layout.header and not told.layout.columns and len(kinds) > 1:
        found.append((("layout",), "layout: without a header the columns have no names: give `columns: [...]`, all of them in the order of the file."))
    found += [(("annotated",), f"annotated: no split {split}.") for split in told.annotated if split not in places["split"]]
    if told.labels is None:
        words = frozenset().union(*(verdicts_at(told, config, split, files) for config, splits in told.files.items() for split, files in splits.items()))
        if told.verdict.labels or ("unsafe" in words and len(taxonomy.assignable) > 1):
            found.append((("taxonomy",), f"labels: {taxonomy.id} has {len(taxonomy.assignable)} categories: say which column names those that a row violates."))
        return found
    slugs = {**{str(slug): ("labels", "columns", column) for column, slug in (told.labels.columns or {}).items()}}
    slugs |= {slug: ("labels", "values", name) for name, slug in (told.labels.values or {}).items() if slug}
    near = f"Categories: {', '.join(taxonomy.by_slug)}."
    return found + [(at, f"{'.'.join(at)}: {slug!r} is no category of {taxonomy.id}. {near}") for slug, at in slugs.items() if slug not in taxonomy.by_slug]
