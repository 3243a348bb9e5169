"""Two registered versions side by side: figures, checks, the gate's settings, data, columns, code, and the rest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from notemill import text
from notemill.compare.checks import Between, CheckPair, between, by_name, pair_checks, plain
from notemill.compare.diffs import Diff, diff_texts, sections_of
from notemill.compare.rows import ABSENT, Comparison, Row, Section, keyed, make_row
from notemill.compare.sides import Side
from notemill.gate.settings import flat
from notemill.gate.verdict import is_number

COLUMN = ("type", "role", "unit", "range", "categories", "null_share", "private",
          "description")
SHOWN = 12          # categories of a column that are shown


@dataclass(frozen=True)
class VersionComparison(Comparison):
    """Two versions; `figures` are both sides' with n and interval, `between` is what may be said of the difference."""

    project: str = ""
    figures: tuple[Mapping, ...] = ()
    between: Between = Between("")
    notes: tuple[str, ...] = ()
    checks: tuple[CheckPair, ...] = ()
    diffs: tuple[Diff, ...] = ()

    @property
    def differences(self) -> int:
        return super().differences + sum(pair.differs for pair in self.checks)


def compare_versions(left: Side, right: Side, project: str, *, all: bool = False) -> VersionComparison:
    """What differs between two versions; with `all` also what is the same. What is gone is left out, and said."""
    found = {"version": version_rows(left, right), "gate": gate_rows(left, right), "data": data_rows(left, right),
             "columns": column_rows(left, right), "parameters": param_rows(left, right),
             "code": code_rows(left, right), "libraries": library_rows(left, right),
             "size and time": cost_rows(left, right), "card": card_rows(left, right)}
    kept = {name: tuple(row for row in rows if all or row.differs) for name, rows in found.items()}
    sections = tuple(Section(name, rows) for name, rows in kept.items() if rows)
    numbers = [(side.version.version, side.verdict) for side in (left, right)]
    return VersionComparison(
        left.name, right.name, sections, all, project=project, figures=tuple(map(figure_of, (left, right))),
        between=between(*numbers), notes=(*left.gone, *right.gone), checks=compared_checks(left, right),
        diffs=tuple(all_diffs(left, right)))


def figure_of(side: Side) -> dict:
    """The figure that the version was registered with, with interval and n where its verdict is there."""
    check = plain(by_name(side.verdict).get("metric")) or {}
    one = side.version
    return {"version": one.version, "aliases": list(one.aliases), "metric": one.metric,
            "figure": one.figure if is_number(one.figure) else None, "low": check.get("low"), "high": check.get("high"),
            "n": check.get("n"), "verdict": one.verdict, "run": one.run, "created": one.created}


def compared_checks(left: Side, right: Side) -> tuple[CheckPair, ...]:
    """Only where both verdicts are there: against nothing every check would differ."""
    return pair_checks(left.verdict, right.verdict) if left.verdict and right.verdict else ()


def version_rows(left: Side, right: Side) -> list[Row]:
    def facts(side: Side) -> dict:
        one, manifest = side.version, side.manifest or {}
        return {"run": one.run, "made": moment(one.created), "commit": one.commit or None,
                "uncommitted changes": manifest.get("dirty"), "author": manifest.get("author"),
                "risk": manifest.get("risk") or "low" if manifest else None, "verdict": one.verdict,
                "aliases": ", ".join(one.aliases) or None, "content": one.content,
                "notemill": manifest.get("notemill")}
    return [make_row("version", "", name, value, facts(right)[name]) for name, value in facts(left).items()]


def moment(text: str) -> str:
    return f"{text[:19].replace('T', ' ')} UTC" if text.endswith("+00:00") else text


def gate_rows(left: Side, right: Side) -> list[Row]:
    """The gate's settings."""
    if not (left.verdict and right.verdict):
        return []
    return keyed("gate", "", *(dict(flat(side.verdict.get("config") or {})) for side in (left, right)))


def data_rows(left: Side, right: Side) -> list[Row]:
    """What came from outside, and the rows that it was trained and judged on."""
    rows = keyed("data", "", *(outside(side) for side in (left, right))) if left.provenance and right.provenance else []
    for name, get in {"held-out rows": lambda side: (side.verdict or {}).get("data"),
                      "held-out rows, n": lambda side: (side.verdict or {}).get("n"),
                      "training rows, n": lambda side: ((side.schema or {}).get("rows") or {}).get("train"),
                      "model": lambda side: files_of(side).get("model.skops"),
                      "schema": lambda side: files_of(side).get("schema.json")}.items():
        pair = [get(side) for side in (left, right)]
        rows += [make_row("data", "", name, *pair)] if None not in pair else []
    return rows


def files_of(side: Side) -> Mapping:
    return (side.manifest or {}).get("files") or {}


def outside(side: Side) -> dict[str, str]:
    """What the provenance says of data from outside: name -> digest."""
    definition = definition_of(side)
    found = definition.get("resolvedDependencies") or []
    return {str(one.get("name")): (one.get("digest") or {}).get("sha256") for one in found
            if (one.get("digest") or {}).get("sha256") and not str(one.get("name")).endswith((".ipynb", ".py", ".md"))}


def definition_of(side: Side) -> Mapping:
    return ((side.provenance or {}).get("predicate") or {}).get("buildDefinition") or {}


def column_rows(left: Side, right: Side) -> list[Row]:
    """The columns that a row holds."""
    if not (left.schema and right.schema):
        return []
    before, after = columns_of(left.schema), columns_of(right.schema)
    rows = []
    for name in [*after, *(name for name in before if name not in after)]:
        one = make_row("columns", "", name, before.get(name, ABSENT), after.get(name, ABSENT))
        texts = tuple(column_text(side[name]) if name in side else "–" for side in (before, after))
        rows.append(Row(**{**vars(one), "shown": texts}))
    target = [(side.schema.get("target") or {}).get("name") for side in (left, right)]
    return [make_row("columns", "", "target", *target), *rows]


def columns_of(schema: Mapping) -> dict[str, dict]:
    found = schema.get("columns")
    return {str(one.get("name")): {key: one[key] for key in COLUMN if one.get(key) is not None}
            for one in (found if isinstance(found, list) else []) if isinstance(one, Mapping)}


def column_text(column: Mapping) -> str:
    """number, feature, 0 to 5, in cm."""
    given = [str(column[key]) for key in ("type", "role") if key in column]
    if "range" in column:
        given.append(" to ".join("any" if end is None else str(end) for end in column["range"]))
    if "categories" in column:
        shown = [str(one) for one in column["categories"]]
        given.append(", ".join(shown[:SHOWN]) + (f", and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""))
    given += [f"in {column['unit']}"] if "unit" in column else []
    given += [f"gaps up to {column['null_share']}"] if "null_share" in column else []
    given += ["private" + (" (hashed)" if column["private"] == "hash" else "")] if column.get("private") else []
    return ", ".join([*given, *([str(column["description"])] if "description" in column else [])])


def param_rows(left: Side, right: Side) -> list[Row]:
    """By step, as the provenance has them."""
    if not (left.provenance and right.provenance):
        return []
    given = (definition_of(side).get("externalParameters") or {} for side in (left, right))
    before, after = (one.get("params") or {} for one in given)
    return [row for step in [*after, *(step for step in before if step not in after)]
            for row in keyed("parameters", step, before.get(step) or {}, after.get(step) or {})]


def code_rows(left: Side, right: Side) -> list[Row]:
    """Digests of the package's modules, and of notebooks; the changes themselves are the diffs."""
    if not (left.manifest and right.manifest):
        return []
    rows = keyed("code", "", left.manifest.get("code") or {}, right.manifest.get("code") or {}, "module ")
    return rows + keyed("code", "", notebooks_of(left), notebooks_of(right), "notebook ")


def notebooks_of(side: Side) -> dict[str, str]:
    found = definition_of(side).get("resolvedDependencies") or []
    return {str(one.get("name")): (one.get("digest") or {}).get("sha256") for one in found
            if str(one.get("name")).endswith((".ipynb", ".py", ".md"))}


def library_rows(left: Side, right: Side) -> list[Row]:
    if not (left.manifest and right.manifest):
        return []
    python = make_row("libraries", "", "python", left.manifest.get("python"), right.manifest.get("python"))
    return [python, *keyed("libraries", "", left.manifest.get("trained_with") or {},
                           right.manifest.get("trained_with") or {})]


def cost_rows(left: Side, right: Side) -> list[Row]:
    """What the model weighs, and what its run took."""
    sizes = [side.model_bytes for side in (left, right)]
    rows = []
    if None not in sizes:
        one = make_row("size and time", "", "model's file", *sizes)
        rows.append(Row(**{**vars(one), "note": "", "shown": tuple(map(text.size, sizes))}))
    for step, key in [(step, key) for step in took(left) for key in ("seconds", "cpu_seconds", "peak_mb")]:
        pair = [took(side).get(step, {}).get(key) for side in (left, right)]
        rows += [make_row("size and time", step, key.replace("_", " "), *pair)] if None not in pair else []
    return rows


def took(side: Side) -> dict[str, Mapping]:
    """The steps that ran in the version's run; reuse takes no time."""
    return {step["step"]: step for step in (side.record or {}).get("steps") or [] if step.get("status") == "done"}


def card_rows(left: Side, right: Side) -> list[Row]:
    """What people wrote in the card, by heading."""
    if left.human is None or right.human is None:
        return []
    before, after = sections_of(left.human), sections_of(right.human)
    rows = keyed("card", "", before, after)
    return [Row(**{**vars(row), "shown": tuple(words(side.get(row.name)) for side in (before, after))})
            for row in rows]


def words(written: str | None) -> str:
    return "–" if written is None else f"{len(written.split())} words"


def all_diffs(left: Side, right: Side) -> Iterator[Diff]:
    """Of cells, of the package's modules, and of what people wrote in the card."""
    steps = [step for step in right.cells if step in left.cells]
    yield from diff_texts(*({step: side.cells[step] for step in steps} for side in (left, right)), "cells of")
    if left.manifest and right.manifest:
        shared = {path for path in {*left.code, *right.code} if not lost(path, left, right)}
        yield from diff_texts(*({path: code for path, code in side.code.items() if path in shared}
                                for side in (left, right)), "module")
    if left.human is not None and right.human is not None:
        yield from diff_texts(sections_of(left.human), sections_of(right.human), "card:")


def lost(path: str, left: Side, right: Side) -> bool:
    """Whether a version has the module, and it is gone: that is no change."""
    return any(path in (side.manifest.get("code") or {}) and path not in side.code for side in (left, right))
