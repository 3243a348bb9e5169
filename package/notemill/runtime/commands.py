"""`python -m NAME_model`: score files, replay the golden rows, show what the package is."""

import argparse
import sys
from decimal import ROUND_CEILING, Context
from pathlib import Path

from .batch.output import aside_file
from .batch.score import Asked, on_terminal, run
from .batch.tables import ScoreError
from .golden import replay
from .model import Model, ModelError
from .rows import BadRows


def main(folder: Path, words: list[str] | None = None) -> int:
    """Exit code: 0 done, 1 bad rows or a model that answers otherwise than recorded, 2 wrong usage."""
    model = Model(folder)
    asked = _parser(folder.name).parse_args(words)
    try:
        return {"score": _score, "check": _check, "info": _info}[asked.command](model, asked)
    except BadRows as error:
        advice = "\n  mend them, or set bad rows aside: --on-error aside" if error.in_rows else ""
        return _fail(f"{asked.source}: not all rows are such as the model knows\n  {error}{advice}", 1)
    except (ScoreError, ModelError) as error:
        return _fail(str(error), 2)
    except BrokenPipeError:  # whoever reads has had enough
        sys.stdout = None
        return 1
    except OSError as error:
        return _fail(f"{error.filename or folder.name}: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        return _fail("interrupted: nothing was written; the same command goes on from here", 130)


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description="A model package.")
    commands = parser.add_subparsers(dest="command", required=True)
    told = commands.add_parser("score", help="add predictions to CSV or Parquet files of any size")
    told.add_argument("source", metavar="IN", help="a file, a folder, or a pattern")
    told.add_argument("target", metavar="OUT", help="a .csv or .parquet file, or a folder with / at its end")
    told.add_argument("--on-error", choices=["stop", "aside"], default="stop",
                      help="bad rows: stop and say which (default), or set them aside in OUT's name + .aside.csv")
    told.add_argument("--keys", metavar="A,B", type=_names, help="keep these columns of IN alone (default: all)")
    told.add_argument("--only-predictions", action="store_true", help="leave IN's columns out of OUT")
    told.add_argument("--decimal", choices=[".", ","], default=".", help="the decimal sign in a CSV file")
    told.add_argument("--workers", metavar="N", type=int, help="processes (default: as many as are useful)")
    commands.add_parser("check", help="replay the golden rows: does the model still say what it said?")
    commands.add_parser("info", help="name, version, columns, how it answers")
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _score(model: Model, asked: argparse.Namespace) -> int:
    record = run(model, Asked(asked.source, asked.target, asked.on_error == "aside",
                              () if asked.only_predictions else asked.keys, asked.decimal, asked.workers,
                              told=on_terminal))
    print(f"{record['rows']:,} rows scored: {asked.target}", file=sys.stderr)
    for one in record["outputs"]:
        if one["set_aside"]:
            print(f"{one['set_aside']:,} rows set aside: {aside_file(Path(one['output']))}", file=sys.stderr)
    return 0


def _check(model: Model, asked: argparse.Namespace) -> int:
    wrong = replay(model.folder)
    if wrong:
        return _fail("the model does not say what it said when it was judged\n  " + "\n  ".join(wrong[:10]), 1)
    print("the golden rows give the recorded predictions")
    return 0


def _info(model: Model, asked: argparse.Namespace) -> int:
    facts, answers = model.facts, _answers(model)
    print(f"{facts['distribution']} {facts['version']}: {model.task}, predicts {model.schema['target']['name']}")
    for column in model.schema["columns"]:
        if column["role"] in ("feature", "time"):
            print(f"  {column['name']}: {column['type']}" + (f" ({column['unit']})" if column.get("unit") else ""))
    print(answers)
    return 0


def _answers(model: Model) -> str:
    """How it answers, without loading what answers."""
    if model.stored.plan is None:
        return f"answers by scikit-learn itself: {model.uncompiled}"
    compared = {"held_out": 0, "hard": 0, "difference": 0.0, **model.stored.compared}
    apart = Context(prec=1, rounding=ROUND_CEILING).create_decimal(compared["difference"])
    how = f"differs by at most {apart:.0e}" if apart else "does not differ"
    return (f"answers by a scoring plan, compared with scikit-learn on {compared['held_out']:,} held-out and "
            f"{compared['hard']:,} hard rows: {how}")


def _fail(words: str, code: int) -> int:
    print(words, file=sys.stderr)
    return code
