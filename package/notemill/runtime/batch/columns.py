"""`conform` for a piece of a file: the same columns and problems, a repeated text looked at once."""

from collections.abc import Mapping
from dataclasses import replace

from ..rows import _column, _simple, used_columns

REPEATED = 2  # a text column is looked at by its texts where each stands there so often, on average


def conform_piece(piece, schema: Mapping, missing: tuple[str, ...], decimal: str, *, coded: bool):
    """(table, problems) as `conform` has them. `coded`: labels as pandas' categories, for a model that takes these.

    That all columns are there was checked by the heading.
    """
    import pandas as pd

    columns, problems = {}, []
    for entry in used_columns(schema):
        columns[entry["name"]], found = _look(piece.column(entry["name"]), entry, missing, decimal, coded)
        problems += found
    problems.sort(key=lambda problem: problem.row)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(piece)), copy=False), problems


def _look(array, entry: Mapping, missing: tuple[str, ...], decimal: str, coded: bool):
    """One column: typed cells, and problems."""
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):  # it may hold more texts than stand there
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        texts = array.dictionary_encode()
        if len(texts.dictionary) * REPEATED <= len(array):
            return _by_text(texts, entry, missing, decimal, coded)
        return _column(pd.Series(array.to_pandas(), dtype="str"), entry, missing, decimal)
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind)) and not array.null_count:
        return _column(pd.Series(array.to_numpy(zero_copy_only=False)), entry, missing, decimal)
    return _column(_simple(pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([array])))), entry, missing,
                   decimal)


def _by_text(texts, entry: Mapping, missing: tuple[str, ...], decimal: str, coded: bool):
    """Each text once, and a missing one where there are gaps: what is so of a cell is so of all that say the same."""
    import numpy as np
    import pandas as pd

    codes = texts.indices.fill_null(-1).to_numpy(zero_copy_only=False) if texts.null_count else \
        texts.indices.to_numpy(zero_copy_only=False)
    once = texts.dictionary.to_pylist() + ([None] if texts.null_count else [])
    typed, found = _column(pd.Series(once, dtype="str"), entry, missing, decimal)
    if texts.null_count:
        codes = np.where(codes < 0, len(once) - 1, codes)
    problems = [replace(problem, row=row) for problem in found for row in np.flatnonzero(codes == problem.row).tolist()]
    return _spread(typed, codes, coded), problems


def _spread(typed, codes, coded: bool):
    """The cells of all rows from those of each text."""
    import numpy as np
    import pandas as pd

    if coded and typed.dtype == "str" and typed.dropna().is_unique:
        there = typed.notna().to_numpy()
        places = np.where(there, np.cumsum(there) - 1, -1)
        return pd.Series(pd.Categorical.from_codes(places[codes], categories=pd.Index(typed[there].array)))
    return pd.Series(typed.array.take(codes), index=pd.RangeIndex(len(codes)))
