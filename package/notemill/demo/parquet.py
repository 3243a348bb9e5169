"""A Parquet file, read with a budget: a few hundred bytes of one can hold gigabytes."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any

from notemill.demo.limits import BadFile, check_size

MOST_BYTES, MOST_TEXT = 200_000_000, 64_000_000  # of cells as they are stored, uncompressed; of text in the table
MOST_CHUNKS = 100_000
AT_ONCE = 10_000  # rows
TEXTS = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view", "dictionary")
SHARED = "DELTA_BYTE_ARRAY"  # each text as what it adds to the one before: there is no telling how long they are


def read(data: bytes) -> Any:
    """A DataFrame; also what pandas had as its index is in it. Raises BadFile, and whatever pyarrow raises."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(io.BytesIO(data))
    texts = [column.name for column in schema if is_text(column.type)]
    file = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts)  # a text that stands there often is held once
    check_size(file.metadata.num_rows, file.metadata.num_columns)
    check_columns(schema, file.metadata.num_rows)
    check_stored(file.metadata)
    if not file.metadata.num_rows:
        return schema.empty_table().to_pandas(ignore_metadata=True)
    frame = pa.concat_tables(pieces(file)).to_pandas(integer_object_nulls=True)
    return frame.assign(**counted(schema, frame))


def counted(schema: Any, frame: Any) -> dict[str, range]:
    """{name: the numbers} of an index of pandas that merely counts: no column holds it."""
    found = {}
    with contextlib.suppress(LookupError, TypeError, ValueError):  # the file may say anything
        for one in schema.pandas_metadata["index_columns"]:
            numbers = range(one["start"], one["stop"], one["step"]) if isinstance(one, dict) else ()
            if numbers and len(numbers) == len(frame) and one["name"] and one["name"] not in frame:
                found[str(one["name"])] = numbers
    return found


def is_text(kind: Any) -> bool:
    import pyarrow as pa

    return any(getattr(pa.types, f"is_{text}")(kind) for text in TEXTS)


def check_columns(schema: Any, rows: int) -> None:
    import pyarrow as pa

    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise BadFile(f"column '{twice[0]}' is in it twice")
    kinds = {one.name: one.type.value_type if pa.types.is_dictionary(one.type) else one.type for one in schema}
    nested = [name for name, kind in kinds.items() if pa.types.is_nested(kind)]
    if nested:
        raise BadFile(f"column '{nested[0]}' holds lists or records: leave it out")
    check_bytes(sum(rows * kind.bit_width // 8 for kind in kinds.values()
                    if not is_text(kind) and not pa.types.is_null(kind)))


def check_stored(metadata: Any) -> None:
    """What its pages take, and that their texts are whole in them."""
    if metadata.num_row_groups * metadata.num_columns > MOST_CHUNKS:
        raise BadFile(f"it is made of more than {MOST_CHUNKS:,} pieces")
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    check_bytes(sum(group.total_byte_size for group in groups))
    for group in groups:
        for place in range(group.num_columns):
            if SHARED in group.column(place).encodings:
                raise BadFile(f"column '{group.column(place).path_in_schema}' is written in an encoding that the demo "
                              f"does not take ({SHARED}): write it as PLAIN")


def check_bytes(count: int) -> None:
    if count > MOST_BYTES:
        raise BadFile(f"it holds {count / 1e6:,.0f} MB once it is unpacked; the demo takes {MOST_BYTES / 1e6:,.0f}")


def pieces(file: Any) -> Iterator[Any]:
    """Tables of some rows, in which texts are plain; what the file says of pandas is not in them."""
    import pyarrow as pa

    rows = text = 0
    for batch in file.iter_batches(AT_ONCE, use_threads=False):
        rows += batch.num_rows
        check_size(rows, batch.num_columns)
        text += sum(map(length, batch.columns))
        if text > MOST_TEXT:
            raise BadFile(f"it holds more than {MOST_TEXT / 1e6:,.0f} MB of text once it is unpacked")
        yield pa.table([plain(column) for column in batch.columns], names=batch.schema.names)


def length(column: Any) -> int:
    """Bytes of its texts, each counted as often as it stands there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        return pc.sum(pc.binary_length(column.dictionary).take(column.indices)).as_py() or 0
    return column.nbytes if is_text(column.type) else 0


def plain(column: Any) -> Any:
    import pyarrow as pa

    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
