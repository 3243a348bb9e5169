"""`notemill init`."""

import sys
from pathlib import Path

import click

from notemill.commands.shared import print_json
from notemill.errors import UsageError
from notemill.init import Wish, adopt, create
from notemill.init.adopt import Adopted
from notemill.init.project import Made, next_commands
from notemill.init.quote import comment
from notemill.init.reading import Reading
from notemill.text import printable, style_for, table

SHOWN = 5
READING = ("header", "no_header", "separator", "encoding", "copy")
LEAVES = "Runs leave .notemill/, reports/ and mlflow.db: put them into .gitignore"
UNRUN = "what they read and write is not known yet: say it under inputs: and outputs: in notebooks/pipeline.yaml"


def init(folder: Path, *, as_json: bool, **asked) -> None:
    """Make a project from a table, or around the notebooks that are there; tell what was done."""
    if asked["data"] is None and asked["target"] is None:
        adopted = adopt(folder, asked["name"])
        print_json(adopted_json(adopted)) if as_json else tell_adopted(adopted)
        return
    made = create(folder, wish(folder, **asked))
    print_json(made_json(made)) if as_json else tell_made(made)


def wish(folder: Path, **asked) -> Wish:
    """The options as one value. Raises UsageError where half of them is missing."""
    for option, other in (("data", "target"), ("target", "data")):
        if asked[option] is None:
            raise UsageError("notemill init", f"--{other} is there, and --{option} is not",
                             hint="notemill init DIR --data FILE --target COLUMN")
    if asked["header"] is not None and asked["no_header"]:
        raise UsageError("notemill init", "--header and --no-header exclude each other")
    separator = asked["separator"] and asked["separator"].replace("\\t", "\t")
    if separator is not None and len(separator) != 1:
        raise UsageError("--separator", f"{separator!r} is not one character", "such as ';' or '\\t'")
    reading = Reading(**{**{key: asked.pop(key) for key in READING}, "separator": separator})
    return Wish(**asked, reading=reading)


def tell_made(made: Made) -> None:
    style = style_for(sys.stdout)
    where = style.strong(printable(made.folder))
    click.echo(f"{style.good('✓')} {where}: the project '{made.name}', {len(made.files)} files\n")
    click.echo(table(["what", "is"], facts_of(made), style))
    for note in made.choices.notes:
        click.echo(f"{style.warn('!')} {printable(note)}")
    if made.repository:
        click.echo(f"  {made.repository}")
    click.echo("\nLook at notebooks/contract.yaml (every column was looked at) and notebooks/pipeline.yaml. Then:\n")
    click.echo("\n".join(f"    {command}" for command in next_commands(made.folder)))


def facts_of(made: Made) -> list[list[str]]:
    """What was seen and chosen, a line each."""
    choices, frame = made.choices, made.table.frame
    rows = [["table", f"{len(frame):,} rows, {len(frame.columns)} columns"], ["data", made.place.said]]
    if made.table.said:
        rows.append(["read as", ", ".join(made.table.said)])
    rows += [["target", comment(choices.target)], ["task", in_words(made)], ["split", split_in_words(made)]]
    if choices.drop:
        rows.append(["left out", ", ".join(map(comment, choices.drop))])
    return [*rows, ["estimator", choices.estimator], ["metric", f"{choices.metric} (no floor is set: gate.floor)"],
            ["notemill", made.requirement + (", in wheels/" if "+" in made.requirement else "")]]


def in_words(made: Made) -> str:
    choices = made.choices
    if choices.task == "regression":
        return "regression"
    shown = ", ".join(f"{comment(value, 30)} {count:,}" for value, count in choices.classes[:SHOWN])
    more = ", ..." if choices.classes[SHOWN:] else ""
    detect = f"; to detect: {comment(choices.positive, 30)}" if choices.positive is not None else ""
    return f"classification, {len(choices.classes)} classes ({shown}{more}){detect}"


def split_in_words(made: Made) -> str:
    choices = made.choices
    how = {"time": f"time: the latest rows by {comment(choices.time)} are held out",
           "group": f"group: whole values of {comment(choices.group)} are held out",
           "stratified": "stratified: a random part of each class is held out", "random": "random rows are held out"}
    return how[choices.split]


def made_json(made: Made) -> dict:
    choices = made.choices
    return {"project": made.name, "folder": str(made.folder), "files": list(made.files),
            "data": {"kind": made.place.kind, "source": made.place.source, "read_as": list(made.table.said)},
            "rows": len(made.table.frame), "columns": len(made.table.frame.columns),
            "target": choices.target, "task": choices.task, "split": choices.split, "positive": choices.positive,
            "drop": dict(choices.drop), "estimator": choices.estimator, "metric": choices.metric,
            "requires": made.requirement, "notes": list(choices.notes), "next": next_commands(made.folder),
            "error": None}


def tell_adopted(adopted: Adopted) -> None:
    style = style_for(sys.stdout)
    click.echo(f"{style.good('✓')} notebooks/pipeline.yaml: the project '{adopted.name}', {len(adopted.steps)} steps\n")
    rows = [[step, found.path, ", ".join(found.parameters)] for step, found in adopted.steps.items()]
    click.echo(table(["step", "runs", "its parameters"], rows, style))
    for left in adopted.left:
        click.echo(style.dim(f"  left out: {printable(left.path)}: {printable(left.why)}"))
    click.echo(f"\nThey run one after the other, by name; {UNRUN}.\n{LEAVES}. Next:\n\n    notemill run")


def adopted_json(adopted: Adopted) -> dict:
    return {"project": adopted.name, "folder": str(adopted.folder), "files": ["notebooks/pipeline.yaml"],
            "steps": {step: found.path for step, found in adopted.steps.items()},
            "left": {left.path: left.why for left in adopted.left}, "next": ["notemill run"], "error": None}
