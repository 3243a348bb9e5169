"""One section of one file, scored: from where an earlier call was stopped."""

from collections.abc import Iterator
from pathlib import Path

from . import chunks
from .chunks import ArrowRows, CsvRows, Tally, finish, finished, write_aside
from .columns import conform_piece
from ..model import Model
from ..rows import BadRows, Problem, used_columns
from .tables import open_table


class Scorer:
    """A model, and what was asked of it. `job`: plain values, as score.py makes them."""

    def __init__(self, job: dict, model: Model | None = None):
        self.job, self.model = job, model or Model(Path(job["folder"]))
        self.columns = {entry["name"] for entry in used_columns(self.model.schema)}
        self.model.prepare()

    def run(self, file: int, section: int) -> Iterator[tuple[int, int]]:
        """Score a section: (rows, of these bad) whenever some more are done. Raises BadRows, ScoreError."""
        given = self.job["files"][file]
        folder = Path(given["work"], f"{section:06}")
        folder.mkdir(parents=True, exist_ok=True)
        done = list(finished(folder))
        for facts in done:
            yield facts["rows"] + facts["bad"], facts["bad"]
        if not (done and done[-1]["last"]):
            remove_after(folder, len(done))
            yield from self._rest(given, folder, given["sections"][section], done)

    def _rest(self, given: dict, folder: Path, section: dict, done: list[dict]) -> Iterator[tuple[int, int]]:
        table = open_table(Path(given["path"]), self.columns, self.job["decimal"])
        number, tally, out = len(done), Tally(), None
        try:
            for piece in table.pieces(section, sum(facts["rows"] + facts["bad"] for facts in done)):
                if tally.rows + tally.bad >= chunks.CHUNK:
                    out.close()
                    finish(folder, number, tally, last=False)
                    number, tally, out = number + 1, Tally(), None
                out = out or self._writer(given, folder, number, table)
                yield self._score(given, table, piece, out, tally)
        finally:
            if out:
                out.close()
        finish(folder, number, tally, last=True)

    def _writer(self, given: dict, folder: Path, number: int, table):
        if given["kind"] == "csv":
            return CsvRows(folder / f"{number:06}.csv", table.separator, table.decimal)
        return ArrowRows(folder / f"{number:06}.arrow", answer_types(self.model))

    def _score(self, given: dict, table, piece, out, tally: Tally) -> tuple[int, int]:
        """One piece: written, and counted."""
        rows, problems = conform_piece(piece, self.model.schema, table.missing, table.decimal,
                                       coded=self.model.compiled)
        if problems and not self.job["aside"]:
            raise BadRows([placed(problem, piece, table, given["named"]) for problem in problems])
        broken = sorted({problem.row for problem in problems})
        if broken:
            form = {"sep": table.separator, "decimal": table.decimal}
            write_aside(out.path.with_suffix(".aside"), piece, problems, broken, form, given)
        good = rows.index.difference(broken).tolist() if broken else None
        out.write(piece, given["places"], good, self._answers(rows if good is None else rows.iloc[good]))
        tally.add(len(piece) - len(broken), len(broken), problems, piece.places)
        return len(piece), len(broken)

    def _answers(self, rows) -> dict:
        """`prediction`, and for classes `probability_LABEL`."""
        predictions, found = self.model.answers(rows)
        columns = [predictions, *(() if found is None else (found[:, i] for i in range(found.shape[1])))]
        return dict(zip(answer_names(self.model), columns, strict=True))


def answer_names(model: Model) -> list[str]:
    """The columns that are added."""
    return ["prediction", *(f"probability_{label}" for label in (model.classes if model.has_probabilities else ()))]


def answer_types(model: Model) -> dict:
    """{column: Arrow's type} of these."""
    import pyarrow as pa

    label = pa.array(model.classes).type if model.task == "classification" else pa.float64()
    return {name: label if name == "prediction" else pa.float64() for name in answer_names(model)}


def placed(problem: Problem, piece, table, named: list[str]) -> Problem:
    """A problem with its place in the file."""
    place = " ".join([*named, table.place, str(piece.places[problem.row])])
    return Problem(problem.row, problem.column, problem.rule, problem.got, place=place)


def remove_after(folder: Path, number: int) -> None:
    """Take away what a call that was stopped has left half done."""
    for path in folder.iterdir():
        if int(path.name.lstrip(".").partition(".")[0]) >= number:
            path.unlink()
