"""What one section's rows have become, in finished parts that a later call can take up: answers, and bad rows."""

import csv
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

CHUNK = 200_000  # rows of a part


class CsvRows:
    """Rows of a CSV file, without heading."""

    ending = ".csv"

    def __init__(self, path: Path, separator: str, decimal: str):
        self.path, self.form = path, {"sep": separator, "decimal": decimal}
        self.file = open(path, "w", encoding="utf-8", newline="")
        self.writer = csv.writer(self.file, delimiter=separator, lineterminator="\n")

    def write(self, piece, places: list[int], good, answers: dict) -> None:
        """`good`: which rows, None for all; `answers`: more columns, for these rows alone."""
        more = [self._texts(values) for values in answers.values()]
        if hasattr(piece, "texts"):
            self.file.flush()
            write_lines(self.file.buffer, kept(piece, places, good), more, self.form["sep"], plain=piece.plain)
        elif hasattr(piece, "cells"):
            rows = piece.cells if good is None else [piece.cells[row] for row in good]
            if places != list(range(len(piece.header))):
                rows = [[row[place] for place in places] for row in rows]
            self.writer.writerows([*row, *found] for row, *found in zip(rows, *more, strict=True))
        else:
            self._write_arrow(piece, places, good, more)

    def _write_arrow(self, piece, places: list[int], good, more: list[list]) -> None:
        import pandas as pd

        table = kept(piece, places, good)
        rows = table.to_pandas(types_mapper=pd.ArrowDtype)
        for number, values in enumerate(more):
            rows.insert(len(rows.columns), f"answer {number}", values, allow_duplicates=True)
        rows.to_csv(self.file, index=False, header=False, lineterminator="\n", **self.form)

    def _texts(self, values) -> list:
        plain = values.tolist()
        if self.form["decimal"] == "." or values.dtype.kind != "f":
            return plain
        return [repr(value).replace(".", self.form["decimal"]) for value in plain]

    def close(self) -> None:
        self.file.close()


class ArrowRows:
    """Rows in Arrow's own format, which costs least; they become Parquet at the end."""

    ending = ".arrow"

    def __init__(self, path: Path, types: dict):
        self.path, self.types, self.file = path, types, None

    def write(self, piece, places: list[int], good, answers: dict) -> None:
        import pyarrow as pa

        table = kept(piece, places, good)
        for name, values in answers.items():
            plain = values.tolist() if values.dtype.kind in "OUT" else values
            table = table.append_column(name, pa.array(plain, self.types[name]))
        if self.file is None:
            options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
            self.file = pa.ipc.new_file(str(self.path), table.schema, options=options)
        self.file.write_table(table)

    def close(self) -> None:
        if self.file:
            self.file.close()


def write_lines(file, table, more: list[list], separator: str, *, plain: bool) -> None:
    """Rows of text as csv.writer writes them, many at once. `plain`: no cell of the table needs quotes."""
    import pyarrow as pa
    from pyarrow import compute

    if not len(table):
        return
    columns = [column if plain else quoted(column, separator) for column in table.combine_chunks().columns]
    columns += [quoted(pa.chunked_array([pa.array(map(str, values), pa.string())]), separator) for values in more]
    columns = [column.combine_chunks() for column in columns]
    lines = compute.binary_join_element_wise(*columns, separator)
    for chunk in lines.chunks if isinstance(lines, pa.ChunkedArray) else [lines]:
        ended = compute.binary_join_element_wise(chunk, "", "\n")
        offsets = ended.buffers()[1].to_pybytes()
        first, last = (int.from_bytes(offsets[4 * place:4 * place + 4], "little")
                       for place in (ended.offset, ended.offset + len(ended)))
        file.write(memoryview(ended.buffers()[2])[first:last])


def quoted(column, separator: str):
    """The cells that need it in quotes."""
    from pyarrow import compute

    needed = compute.match_substring_regex(column, f'["\\n\\r{separator}]')  # none of the separators means more there
    if not compute.any(needed).as_py():
        return column
    doubled = compute.replace_substring(column, '"', '""')
    return compute.if_else(needed, compute.binary_join_element_wise('"', doubled, '"', ""), column)


def kept(piece, places: list[int], good):
    """Columns and rows that stay, as an Arrow table."""
    import pyarrow as pa

    table = piece.arrow(places)
    return table if good is None else table.take(pa.array(good, pa.int64()))


def write_aside(path: Path, piece, problems: list, broken: list[int], form: dict, given: dict) -> None:
    """Append the bad rows of a file, which is given as in a job: each with its place and what is wrong."""
    reasons: dict[int, list[str]] = {row: [] for row in broken}
    for problem in problems:
        reasons[problem.row].append(f"{problem.column}: {problem.message}")
    told = [[*given["named"], str(piece.places[row]), "; ".join(reasons[row])] for row in broken]
    with open(path, "a", encoding="utf-8", newline="") as file:
        if hasattr(piece, "row"):
            writer, rows = csv.writer(file, delimiter=form["sep"], lineterminator="\n"), map(piece.row, broken)
            writer.writerows([*words, *(row[place] for place in given["every"])]
                             for words, row in zip(told, rows, strict=True))
        else:
            import pandas as pd

            rows = piece.arrow(given["every"]).take(broken).to_pandas(types_mapper=pd.ArrowDtype)
            for number, words in enumerate(zip(*told, strict=True)):
                rows.insert(number, f"told {number}", words, allow_duplicates=True)
            rows.to_csv(file, index=False, header=False, lineterminator="\n", **form)


class Tally:
    """How many rows of a part were scored, how many not, and why."""

    def __init__(self):
        self.rows, self.bad, self.why, self.first = 0, 0, Counter(), {}

    def add(self, rows: int, bad: int, problems: list, places) -> None:
        self.rows, self.bad = self.rows + rows, self.bad + bad
        for problem in problems:
            key = (problem.column, problem.rule)
            self.why[key] += 1
            self.first.setdefault(key, int(places[problem.row]))

    def facts(self) -> dict:
        return {"rows": self.rows, "bad": self.bad,
                "reasons": [[*key, count, self.first[key]] for key, count in self.why.items()]}


def finished(folder: Path) -> Iterator[dict]:
    """The facts of a section's parts that are whole, in order, up to the first that is not."""
    for number in range(1_000_000):
        try:
            facts = json.loads((folder / f"{number:06}.json").read_bytes())
            if any(digest_of(folder / name) != digest for name, digest in facts["files"].items()):
                return
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return
        yield facts


def finish(folder: Path, number: int, tally: Tally, *, last: bool) -> None:
    """Say that a part is whole: written whole itself, after all else."""
    files = {path.name: digest_of(path) for path in sorted(folder.glob(f"{number:06}.*")) if path.suffix != ".json"}
    part = folder / f".{number:06}.json"
    part.write_text(json.dumps({**tally.facts(), "files": files, "last": last}), encoding="utf-8")
    os.replace(part, folder / f"{number:06}.json")


def digest_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
