"""Invented Do-Not-Answer rows hold a stand-in for the specific harm, which is no label; here they get a real one."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from taxonomy_bridge.taxonomy import load_taxonomy

STAND_IN = "[specific harm placeholder]"


def with_specific_harms(file: Path, folder: Path) -> Path:
    """A copy of the file in `folder` in which every row names the first specific harm of its type."""
    taxonomy = load_taxonomy("do-not-answer")
    rows = pq.read_table(file) if file.suffix == ".parquet" else pa_csv.read_csv(file, parse_options=pa_csv.ParseOptions(newlines_in_values=True))
    assert set(rows["specific_harms"].to_pylist()) == {STAND_IN}
    types = [taxonomy.by_native[kind.casefold()] for kind in rows["types_of_harm"].to_pylist()]
    harms = pa.array([taxonomy[taxonomy.children(kind)[0]].native[0] for kind in types])
    rows = rows.set_column(rows.schema.get_field_index("specific_harms"), "specific_harms", harms)
    copy = folder / file.name
    (pq.write_table if copy.suffix == ".parquet" else pa_csv.write_csv)(rows, copy)
    return copy
