"""`python -m NAME_model`: score files, replay the golden rows, show what the package is."""

import argparse
import csv
import sys
from pathlib import Path

from .golden import replay
from .model import Model, ModelError
from .rows import BadRows
from .score import aside_file, on_terminal, score
from .tables import ScoreError

LONGEST = 10_000_000  # characters in a cell of a CSV file; Python's own limit is 131,072


def main(folder: Path, words: list[str] | None = None) -> int:
    """Exit code: 0 done, 1 bad rows or a model that answers otherwise than recorded, 2 wrong usage."""
    model = Model(folder)
    asked = _parser(folder.name).parse_args(words)
    try:
        return {"score": _score, "check": _check, "info": _info}[asked.command](model, asked)
    except BadRows as error:
        return _fail(f"{asked.source}: not all rows are such as the model knows\n  {error}\n"
                     "  mend them, or set bad rows aside: --on-error aside", 1)
    except (ScoreError, ModelError) as error:
        return _fail(str(error), 2)
    except BrokenPipeError:  # whoever reads has had enough
        sys.stdout = None
        return 1
    except OSError as error:
        return _fail(f"{error.filename or folder.name}: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        return _fail("interrupted: nothing was written", 130)


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description="A model package.")
    commands = parser.add_subparsers(dest="command", required=True)
    told = commands.add_parser("score", help="add predictions to a CSV or Parquet file of any size")
    told.add_argument("source", metavar="IN", type=Path)
    told.add_argument("target", metavar="OUT", type=Path)
    told.add_argument("--on-error", choices=["stop", "aside"], default="stop",
                      help="bad rows: stop and say which (default), or set them aside in OUT's name + .aside.csv")
    told.add_argument("--only-predictions", action="store_true", help="leave IN's columns out of OUT")
    told.add_argument("--decimal", choices=[".", ","], default=".", help="the decimal sign in a CSV file")
    commands.add_parser("check", help="replay the golden rows: does the model still say what it said?")
    commands.add_parser("info", help="name, version, columns")
    return parser


def _score(model: Model, asked: argparse.Namespace) -> int:
    csv.field_size_limit(LONGEST)
    done, bad = score(model, asked.source, asked.target, aside=asked.on_error == "aside",
                      only=asked.only_predictions, decimal=asked.decimal, told=on_terminal)
    print(f"{done:,} rows scored: {asked.target}", file=sys.stderr)
    if bad:
        print(f"{bad:,} rows set aside: {aside_file(asked.target)}", file=sys.stderr)
    return 0


def _check(model: Model, asked: argparse.Namespace) -> int:
    wrong = replay(model.folder)
    if wrong:
        return _fail("the model does not say what it said when it was judged\n  " + "\n  ".join(wrong[:10]), 1)
    print("the golden rows give the recorded predictions")
    return 0


def _info(model: Model, asked: argparse.Namespace) -> int:
    facts = model.facts
    print(f"{facts['distribution']} {facts['version']}: {model.task}, predicts {model.schema['target']['name']}")
    for column in model.schema["columns"]:
        if column["role"] in ("feature", "time"):
            print(f"  {column['name']}: {column['type']}" + (f" ({column['unit']})" if column.get("unit") else ""))
    return 0


def _fail(words: str, code: int) -> int:
    print(words, file=sys.stderr)
    return code
