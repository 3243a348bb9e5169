"""A version at work: files scored, requests answered, tried in a browser, put under load."""

import sys
from pathlib import Path

import click

from notemill.cli.shared import JSON, in_project, told


def listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name for name in text.split(",") if name)


@click.command()
@click.argument("asked", metavar="[VERSION|champion|WHEEL", required=False)
@click.argument("source", metavar="INPUT", required=False)
@click.argument("target", metavar="OUTPUT]", required=False)
@click.option("--on-error", type=click.Choice(["stop", "aside"]),
              help="Bad rows: stop and say which (default), or set them aside with their reasons.")
@click.option("--keys", metavar="A,B", callback=lambda ctx, param, text: listed(text),
              help="Keep these columns of INPUT alone beside the predictions; default: all.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes at once; default: as many as help.")
@click.option("--decimal", type=click.Choice([".", ","]), help="The decimal sign in a CSV file; default: a point.")
@click.option("--offline", is_flag=True, help="Send nothing to MLflow; the next one sends it.")
@in_project
def score(folder: Path, as_json: bool, **asked):
    """Score files of any size, in bounded memory.

    INPUT is a CSV or Parquet file (also .gz, .bz2, .xz, .zst), a folder or a pattern; OUTPUT a .csv or .parquet file,
    or a folder with / at its end. The same command goes on where a killed one was. Without arguments: what `score:` in
    pipeline.yaml says, of the files that are new since the last time.
    """
    from notemill.commands import score as command

    sys.exit(command.score(folder, as_json=as_json, **asked))


@click.command()
@click.argument("version", metavar="VERSION|WHEEL", required=False)
@click.option("--host", metavar="ADDRESS", help="What to listen on (default: 127.0.0.1); others need --keys.")
@click.option("--port", metavar="PORT", help="Default: 8000; 0: any that is free.")
@click.option("--workers", metavar="N", help="Processes that share the port (default: 1).")
@click.option("--keys", metavar="FILE", help="Answer only requests with one of these keys.")
@click.option("--new-key", metavar="NAME", help="Make a key, add its hash to --keys FILE, show it, and end.")
@click.option("--log", metavar="FOLDER", help="Keep a prediction log there.")
@click.option("--log-days", metavar="N", help="Keep it for N days (default: 30).")
@click.option("--log-mb", metavar="MB", help="What it may hold (default: 1024).")
@click.option("--max-body", metavar="BYTES", help="Of a request's body (default: 4 MiB).")
@click.option("--max-rows", metavar="N", help="Rows in one request (default: 10000).")
@click.option("--max-requests", metavar="N", help="Requests at once in one worker (default: 256).")
@click.option("--seconds", metavar="S", help="That a request may take (default: 30).")
@click.option("--drain", metavar="S", help="Told to end, say so for S seconds first (default: 0).")
@in_project
def serve(version: str | None, folder: Path, as_json: bool, **asked):
    """Answer requests for predictions over HTTP.

    VERSION is a number or an alias (champion); WHEEL a model package's file. It is verified first, and listens once its
    golden rows have been replayed.
    """
    from notemill.commands import serve as command

    command.serve(folder, version, {name.replace("_", "-"): value for name, value in asked.items()}, as_json=as_json)


@click.command()
@click.argument("version", metavar="VERSION|WHEEL")
@click.option("--host", metavar="ADDRESS", help="What to listen on (default: 127.0.0.1). There is no login.")
@click.option("--port", metavar="PORT", help="Default: 8501; 0: any that is free.")
@click.option("--beside", metavar="VERSION|WHEEL", help="Another version, to compare on the same row.")
@click.option("--log", metavar="FOLDER", help="Keep a prediction log there.")
@click.option("--service", metavar="URL", help="The scoring service's address, for the call that is shown.")
@click.option("--base-path", metavar="PATH", help="Where a proxy has it, as /demo.")
@click.option("--origin", metavar="URL", help="How browsers see it behind a proxy, as https://shop.example.")
@in_project
def demo(version: str, folder: Path, as_json: bool, **asked):
    """Try a model in the browser: answers, reasons, report.

    VERSION is a number or an alias (champion); WHEEL a model package's file. It is verified first, and listens once its
    golden rows have been replayed.
    """
    from notemill.commands import demo as command

    command.demo(folder, version, {name.replace("_", "-"): value for name, value in asked.items()}, as_json=as_json)


@click.command()
@click.argument("asked", metavar="[URL|VERSION|WHEEL]", required=False)
@click.option("--clients", type=click.IntRange(1, 64), default=8, show_default=True, metavar="N",
              help="Connections that ask at the same time.")
@click.option("--seconds", type=click.FloatRange(1, 300), default=10, show_default=True, metavar="S",
              help="For so long.")
@click.option("--rows", "rows_each", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N",
              help="Rows in each request.")
@click.option("--i-own-it", "mine", is_flag=True, help="The address is public, and what answers there is yours.")
@in_project
def stress(folder: Path, asked: str | None, as_json: bool, **options):
    """Put a service of your own under load, against budgets.

    VERSION (a number, champion) or WHEEL is served here for as long as it lasts; default: the newest wheel in dist/.
    What came of it is held against gate: budgets: in pipeline.yaml.
    """
    from notemill.commands import stress as command

    sys.exit(command.stress(folder, asked, as_json=as_json, **options))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="FOLDER")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", help="From this day on, as 2026-01-31.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE.parquet",
              help="Write the rows, with their labels, to one file.")
@JSON
@told
def predictions(folder: Path, as_json: bool, **asked):
    """What a service's prediction log holds, by day and version."""
    from notemill.commands import predictions as command

    command.predictions(folder, as_json=as_json, **asked)
