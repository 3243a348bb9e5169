"""The command line: each command is a few steps on plain values, with no logic of its own."""

import errno
import io
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TextIO

import click

import notemill
from notemill.commands.shared import print_json
from notemill.errors import NotemillError, UsageError

PROJECT = click.option("--project", "folder", type=click.Path(path_type=Path), default=Path("."), metavar="DIR",
                       help="The project's folder, if not the current one.")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object alone on standard output.")

HINTS = {errno.ENOSPC: "the disk is full: make room (notemill gc removes what nothing refers to), and run again",
         errno.EDQUOT: "the quota is used up: make room (notemill gc removes what nothing refers to), and run again",
         errno.EROFS: "notemill writes to .notemill/ and reports/ in the project's folder",
         errno.EACCES: "notemill writes to .notemill/ and reports/ in the project's folder"}


class Commands(click.Group):
    """Commands in the order in which one meets them."""

    def list_commands(self, ctx):
        return list(self.commands)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(notemill.__version__, prog_name="notemill")
def cli():
    """Notebook in; a judged model package that anybody can install out."""


def run_options(command: Callable) -> Callable:
    """The options that `run` and `plan` share."""
    command = in_project(command)
    for option in reversed([
            click.argument("steps", nargs=-1, metavar="[STEP]...", shell_complete=_complete_step),
            click.option("-p", "--param", "params", multiple=True, metavar="STEP.PARAM=VALUE",
                         help="A parameter of a step, as YAML."),
            click.option("--params", "params_file", type=click.Path(path_type=Path), metavar="FILE.yaml",
                         help="Parameters by step."),
            click.option("--force", "force", multiple=True, is_flag=False, flag_value="*", metavar="[=STEP]",
                         help="Run though nothing changed: --force the steps named (or all), --force=STEP one."),
            click.option("--jobs", type=click.IntRange(1), metavar="N", help="Steps at once (default: by processors)."),
            click.option("--cold", is_flag=True, help="Neither use nor leave a warm process that outlives the run."),
            click.option("--smoke", is_flag=True,
                         help="A trial with the small parameters of `smoke:`; cells tagged `test` run; kept apart."),
            click.option("--offline", is_flag=True, help="Fetch nothing and send nothing; the next run sends it.")]):
        command = option(command)
    return command


def _complete_step(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from notemill.pipeline import read_pipeline

    try:
        return [name for name in read_pipeline(ctx.params.get("folder") or Path(".")).steps
                if name.startswith(incomplete)]
    except NotemillError:
        return []


def told(command: Callable) -> Callable:
    """Keep --json's promise when a command fails: the error is the one object on standard output."""
    @wraps(command)
    def wrapper(*args, as_json: bool = False, **kwargs):
        try:
            return command(*args, as_json=as_json, **kwargs)
        except (SystemExit, BrokenPipeError, click.ClickException):
            raise
        except BaseException as error:
            if as_json:
                print_json({"error": in_words(error).as_json()})
            raise
    return wrapper


def in_project(command: Callable) -> Callable:
    """What every command on a project has: --project, --json, and its failure told as --json promises."""
    return PROJECT(JSON(told(command)))


def in_words(error: BaseException) -> NotemillError:
    """Any failure as an error that can be told."""
    if isinstance(error, NotemillError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return NotemillError("notemill", "interrupted")
    if isinstance(error, OSError):
        place, reason = str(error.filename or "notemill"), error.strerror or str(error)
        return NotemillError(place, reason, hint=HINTS.get(error.errno))
    return NotemillError("notemill", f"{type(error).__name__}: {error}", hint="a fault of its own: please report it")


@cli.command()
@run_options
def run(folder: Path, as_json: bool, **asked):
    """Run the steps that are out of date, and what they need."""
    from notemill.commands import run as command

    sys.exit(command.run(folder, as_json=as_json, **asked))


@cli.command()
@run_options
def plan(folder: Path, as_json: bool, **asked):
    """What would run, what would be reused, and why; runs nothing."""
    from notemill.commands import run as command

    command.plan(folder, as_json=as_json, **asked)


@cli.command()
@click.option("--status", is_flag=True, help="How this user's warm processes are; starts nothing.")
@click.option("--stop", "stopping", is_flag=True, help="End them all; kernels that run may finish.")
@in_project
def warm(folder: Path, status: bool, stopping: bool, as_json: bool):
    """Have the process ready that kernels are forked from.

    Starts it, or finds it, and imports there what the project's notebooks import. It ends when it was idle for 10
    minutes.
    """
    from notemill.commands import warm as command

    command.warm(folder, status, stopping, as_json=as_json)


@cli.command()
@click.argument("step", shell_complete=_complete_step)
@in_project
def why(step: str, folder: Path, as_json: bool):
    """All that a step's result depends on, and what has changed."""
    from notemill.commands import look

    look.why(folder, step, as_json=as_json)


@cli.command()
@click.argument("name", metavar="STEP.NAME")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--run", "run_name", metavar="RUN", help="A run's name or its end; the latest unless told otherwise.")
@in_project
def get(name: str, file: Path, run_name: str | None, folder: Path, as_json: bool):
    """Write a recorded output, or input, of a run to FILE."""
    from notemill.commands import look

    look.get(folder, name, file, run_name, as_json=as_json)


@cli.command()
@click.argument("left", metavar="RUN|VERSION")
@click.argument("right", metavar="RUN|VERSION")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE.html", help="Write a page.")
@click.option("--all", "everything", is_flag=True, help="All of it: what is the same, too.")
@in_project
def compare(left: str, right: str, output: Path | None, everything: bool, folder: Path, as_json: bool):
    """What differs between two runs, or two registered versions.

    A version is a number or an alias; a run is its name or its end. Of versions: figures with n and interval, checks,
    the gate's settings, data, columns, code, parameters, libraries, sizes, times, the card's human parts.
    """
    from notemill.commands import compare as command

    command.compare(folder, left, right, output, everything, as_json=as_json)


@cli.command()
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE.html",
              help="Where to (default: reports/project.html).")
@in_project
def report(output: Path | None, folder: Path, as_json: bool):
    """Write the page of this project.

    Its pipeline as a flow chart, each step's purpose, what is tracked and what is not, coverage, runs and versions.
    """
    from notemill.commands import report as command

    command.report(folder, output, as_json=as_json)


@cli.command()
@click.argument("step", shell_complete=_complete_step)
@click.option("--run", "run_name", metavar="RUN", help="A run's name or its end; default: the last that had the step.")
@in_project
def debug(step: str, run_name: str | None, folder: Path, as_json: bool):
    """Open a step's notebook with its real parameters and inputs."""
    from notemill.commands import look

    look.debug(folder, step, run_name, as_json=as_json)


@cli.command()
@click.argument("run_or_version", metavar="RUN|VERSION")
@in_project
def lineage(run_or_version: str, folder: Path, as_json: bool):
    """From a run, or a registered version, back to data and commit."""
    from notemill.commands import look

    look.lineage(folder, run_or_version, as_json=as_json)


@cli.command()
@click.option("--keep-days", type=click.IntRange(0), default=30, show_default=True, metavar="N",
              help="Keep what runs of the last N days refer to.")
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@in_project
def gc(keep_days: int, dry_run: bool, folder: Path, as_json: bool):
    """Remove from the cache what nothing refers to.

    Never what a record refers to.
    """
    from notemill.commands import clean

    clean.gc(folder, keep_days, dry_run, as_json=as_json)


@cli.command()
@click.argument("run_name", metavar="[RUN]", required=False)
@click.option("--rerun", is_flag=True, help="Run every step again, too: does it give the same content?")
@in_project
def gate(run_name: str | None, rerun: bool, folder: Path, as_json: bool):
    """Judge a run's model; exit 3 if it is refused."""
    from notemill.commands import gate as command

    sys.exit(command.gate(folder, run_name, rerun=rerun, as_json=as_json))


@cli.command()
@click.argument("run_name", metavar="[RUN]", required=False)
@in_project
def register(run_name: str | None, folder: Path, as_json: bool):
    """Judge a run's model and register it; exit 3 if it is refused."""
    from notemill.commands import register as command

    sys.exit(command.register(folder, run_name, as_json=as_json))


@cli.command()
@in_project
def versions(folder: Path, as_json: bool):
    """The registered versions, newest first."""
    from notemill.commands import register as command

    command.versions(folder, as_json=as_json)


@cli.command()
@click.argument("version", metavar="[VERSION]", required=False)
@click.option("--check", is_flag=True, help="Is it true? Exit 1 and the differences, if not; with --output, of FILE.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it to FILE.md or FILE.html.")
@in_project
def card(version: str | None, check: bool, output: Path | None, folder: Path, as_json: bool):
    """Print a registered version's model card.

    VERSION is a number or an alias: the newest challenger unless told otherwise.
    """
    from notemill.commands import card as command

    sys.exit(command.show(folder, version, check, output, as_json=as_json))


BY = click.option("--by", metavar="PERSON", help="Who moves it; default: as git calls you, else your login.")


@cli.command()
@click.argument("version", metavar="[VERSION]", required=False)
@BY
@click.option("--reason", metavar="TEXT", help="Why, for the ledger.")
@in_project
def promote(version: str | None, by: str | None, reason: str | None, folder: Path, as_json: bool):
    """Make a registered version the champion.

    VERSION is a number or an alias: the challenger unless told otherwise. With `risk: high` somebody else than the
    commit's author has to approve it first.
    """
    from notemill.commands import registry as command

    command.promote(folder, version, by, reason, as_json=as_json)


@cli.command()
@BY
@click.option("--reason", metavar="TEXT", help="Why, for the ledger.")
@click.option("--retire", is_flag=True, help="Back to no champion at all; needs --reason.")
@in_project
def rollback(by: str | None, reason: str | None, retire: bool, folder: Path, as_json: bool):
    """Make the champion before the champion again."""
    from notemill.commands import registry as command

    command.rollback(folder, by, reason, retire, as_json=as_json)


@cli.command()
@click.argument("version", metavar="VERSION")
@click.option("--by", metavar="PERSON", required=True, help="Who approves: a name, an address, or both.")
@click.option("--reason", metavar="TEXT", required=True, help="Why it may go into production.")
@in_project
def approve(version: str, by: str, reason: str, folder: Path, as_json: bool):
    """Say that a version may go into production.

    Not by the author of its commit. The approval is for exactly this content.
    """
    from notemill.commands import registry as command

    command.approve(folder, version, by, reason, as_json=as_json)


@cli.command()
@in_project
def ledger(folder: Path, as_json: bool):
    """Every promotion, rollback and approval; exit 1 if damaged."""
    from notemill.commands import registry as command

    sys.exit(command.ledger(folder, as_json=as_json))


@cli.command()
@click.argument("what", type=click.Choice(["check"]))
@click.option("--fix", is_flag=True, help="Mend what can be mended without losing anything; say what was done.")
@in_project
def registry(what: str, fix: bool, folder: Path, as_json: bool):
    """Does MLflow say what the ledger says? Exit 1: no.

    Is the ledger whole, do MLflow's aliases and tags say the same, are the files of all promoted versions there?
    """
    from notemill.commands import registry as command

    sys.exit(command.registry_check(folder, fix, as_json=as_json))


@cli.command()
@click.argument("version", metavar="[VERSION]", required=False)
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", help="Where to (default: dist/).")
@in_project
def package(version: str | None, output: Path | None, folder: Path, as_json: bool):
    """Write a registered version as a wheel.

    Anybody can pip install it. VERSION is a number or an alias: the newest challenger unless told otherwise.
    """
    from notemill.commands import register as command

    command.package(folder, version, output, as_json=as_json)


@cli.command()
@click.argument("asked", metavar="[VERSION|champion|WHEEL", required=False)
@click.argument("source", metavar="INPUT", required=False)
@click.argument("target", metavar="OUTPUT]", required=False)
@click.option("--on-error", type=click.Choice(["stop", "aside"]),
              help="Bad rows: stop and say which (default), or set them aside with their reasons.")
@click.option("--keys", metavar="A,B", callback=lambda ctx, param, text: _listed(text),
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


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name for name in text.split(",") if name)


@cli.command()
@click.argument("version", metavar="[VERSION", required=False)
@click.argument("file", metavar="FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where package/ and the notebooks differ.")
@in_project
def export(version: str | None, file: Path | None, check: bool, folder: Path, as_json: bool):
    """Write a version as an archive, or exported cells as modules.

    With VERSION (a number or an alias) and FILE: everything of that version in one zip archive that can be verified
    offline. Without them: the cells tagged `export` go to package/, a module for each notebook.
    """
    from notemill.commands import export as command

    sys.exit(command.export(folder, version, file, check, as_json=as_json))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="WHEEL|ARCHIVE")
@JSON
@told
def verify(file: Path, as_json: bool):
    """Is this wheel or archive whole, and signed? Exit 1: no.

    Whose signature it has to be, NOTEMILL_TRUSTED_KEY says: the file of a public key.
    """
    from notemill.commands import export as command

    sys.exit(command.verify(file, as_json=as_json))


@cli.command()
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


@cli.command()
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


@cli.command()
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


@cli.command()
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


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR", default=Path("."))
@click.option("--data", metavar="FILE", help="The table: CSV or Parquet (also .gz, .bz2, .xz), or sklearn:NAME.")
@click.option("--target", metavar="COLUMN", help="The column to predict.")
@click.option("--task", type=click.Choice(["classification", "regression"]), help="Default: by what the target holds.")
@click.option("--group", metavar="COLUMN", help="Hold out whole groups of rows.")
@click.option("--time", metavar="COLUMN", help="Hold out the latest rows.")
@click.option("--positive", metavar="LABEL", help="Of two classes, the one to detect.")
@click.option("--header", metavar="A,B,C", help="The file has no heading: its columns' names. `first`: it has one.")
@click.option("--no-header", is_flag=True, help="The file has no heading: column_1, column_2, ...")
@click.option("--separator", metavar="CHARACTER", help="Between the fields of a CSV file; found out otherwise.")
@click.option("--encoding", metavar="NAME", help="Of a CSV file; found out otherwise.")
@click.option("--copy", is_flag=True, help="Copy the table into data/ even if it is over 10 MB.")
@click.option("--name", metavar="NAME", help="The project's name; default: the folder's.")
@click.option("--owner", metavar="NAME", help="Who answers for the model: for the model card.")
@click.option("--purpose", metavar="TEXT", help="What the model is for: for the model card.")
@click.option("--risk", type=click.Choice(["low", "medium", "high"]), default="low", show_default=True,
              help="What the card and a promotion demand.")
@JSON
@told
def init(folder: Path, as_json: bool, **asked):
    """Make a project from a table, or around notebooks.

    Without --data and --target: around the notebooks and scripts that are in DIR.
    """
    from notemill.commands import init as command

    command.init(folder, as_json=as_json, **asked)


@cli.group("ci", cls=Commands)
def ci_group():
    """The server: connect, sign, see and start builds on Drone."""


@ci_group.command("connect")
@click.argument("url", metavar="[URL]", required=False)
@click.option("--name", metavar="OWNER/NAME",
              help="The repository; default: the git remote's, else yours, called as the project.")
@click.option("--reviews", type=click.IntRange(0, 10), metavar="N",
              help="Approving reviews that a merge needs (default: as it is; 0 at first).")
@in_project
def ci_connect(url: str | None, folder: Path, as_json: bool, **asked):
    """Make this project known to a Drone and its forge.

    URL is the address of either (default: the stack's of this machine). Repository, webhook, protection, secrets, cron,
    signature, branch protection, git remote: what is missing is made, what is there is left. Run it again at any time.
    """
    from notemill.commands import ci as command

    command.connect(folder, url, as_json=as_json, **asked)


@ci_group.command("sign")
@in_project
def ci_sign(folder: Path, as_json: bool):
    """Sign .drone.yml, in place, so that builds run it."""
    from notemill.commands import ci as command

    command.sign(folder, as_json=as_json)


@ci_group.command("status")
@in_project
def ci_status(folder: Path, as_json: bool):
    """The last builds, and what waits for whom."""
    from notemill.commands import ci as command

    command.status(folder, as_json=as_json)


@ci_group.command("retrain")
@click.option("--reason", metavar="TEXT", required=True, help="Why; it is recorded in the lineage of the run.")
@in_project
def ci_retrain(folder: Path, as_json: bool, reason: str):
    """Start a build of main that trains, with its reason."""
    from notemill.commands import ci as command

    command.retrain(folder, reason, as_json=as_json)


@ci_group.command("credential", hidden=True)
@click.argument("operation", metavar="get|store|erase")
def ci_credential(operation: str):
    """Git asks this for the login of the stack's own forge."""
    from notemill.commands import ci as command

    command.credential(operation)


@ci_group.command("story", hidden=True)
@click.option("--after", metavar="SESSION", default="", help="The session of noxfile.py that has just ended.")
@click.option("--failed", is_flag=True, help="It failed.")
@in_project
def ci_story(folder: Path, as_json: bool, after: str, failed: bool):
    """What this build did: the end of a session's log on the server."""
    from notemill.commands import story as command

    command.story(folder, after, failed, as_json=as_json)


@cli.group("stack", cls=Commands)
def stack_group():
    """A server on this machine: forge, Drone, registry, MLflow."""


@stack_group.command("up")
@click.option("--build", is_flag=True, help="Build the images here, from source, where no registry is in reach.")
@click.option("--host", metavar="ADDRESS", help="Of this machine in its network (default: one for this machine alone).")
@click.option("--port", type=click.IntRange(1024, 65000), metavar="N",
              help="The first of five ports in a row (default: 7300).")
@JSON
@told
def stack_up(as_json: bool, **asked):
    """Start it, whole; start again what is not running."""
    from notemill.commands import stack as command

    command.up(as_json=as_json, **asked)


@stack_group.command("status")
@JSON
@told
def stack_status(as_json: bool):
    """Which part runs, and where."""
    from notemill.commands import stack as command

    command.status(as_json=as_json)


@stack_group.command("logs")
@click.argument("name", metavar="NAME")
@click.option("--follow", is_flag=True, help="Go on with what comes.")
@JSON
@told
def stack_logs(name: str, follow: bool, as_json: bool):
    """What a part says, without the stack's secrets."""
    from notemill.commands import stack as command

    command.logs(name, follow, as_json=as_json)


@stack_group.command("down")
@click.option("--volumes", is_flag=True, help="And delete all that it holds: code, builds, models, passwords.")
@JSON
@told
def stack_down(as_json: bool, volumes: bool):
    """Stop it; what it holds stays."""
    from notemill.commands import stack as command

    command.down(volumes, as_json=as_json)


@stack_group.command("backup")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.tar")
@JSON
@told
def stack_backup(file: Path, as_json: bool):
    """All that it holds, with its passwords, in one file for your eyes alone."""
    from notemill.commands import stack as command

    command.backup(file, as_json=as_json)


@stack_group.command("restore")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.tar")
@JSON
@told
def stack_restore(file: Path, as_json: bool):
    """Bring a backup's stack up where there is none."""
    from notemill.commands import stack as command

    command.restore(file, as_json=as_json)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str):
    """Print a shell's completion script.

    In bash: eval "$(notemill completion bash)"
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)(cli, {}, "notemill", "_NOTEMILL_COMPLETE")
    click.echo(script.source())


def main(args: list[str] | None = None) -> None:
    """The program: errors without traceback, and the exit codes that docs/reference/cli.md lists."""
    end_in_order()
    accept_all_text(sys.stdout)
    accept_all_text(sys.stderr)
    args = ["--force=*" if word == "--force" else word for word in (sys.argv[1:] if args is None else args)]
    try:
        sys.exit(cli.main(args, prog_name="notemill", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        fail(error.format_message(), UsageError.exit_code)
    except click.UsageError as error:
        usage(error, args)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        usage(click.UsageError(error.format_message()), args)
    except (KeyboardInterrupt, click.Abort):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # who is impatient presses again while it ends
        fail("interrupted", 130)
    except (NotemillError, OSError) as error:
        fail(str(in_words(error)), in_words(error).exit_code)


def end_in_order() -> None:
    """Who is told to end, or whose terminal is closed, ends as by Ctrl-C; `nohup` holds."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, signal.default_int_handler)


def accept_all_text(stream: TextIO) -> None:
    """A mark that the terminal cannot show is no reason to fail."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")


def usage(error: click.UsageError, args: list[str]) -> None:
    """A misused command line: what was got, and where help is."""
    path = error.ctx.command_path if error.ctx else program(args).removesuffix(" COMMAND")
    misuse = UsageError(path, error.format_message(), hint=f"{path} --help")
    in_group = error.ctx is None or isinstance(error.ctx.command, click.Group)
    if isinstance(error, click.NoSuchOption) and error.option_name == "--json" and in_group:
        misuse = UsageError(path, "--json is no option of its own",
                            f"it stands behind the command: {program(args)} --json", misuse.hint)
    if asks_json(args):
        print_json({"error": misuse.as_json()})
    fail(str(misuse), UsageError.exit_code)


def program(args: list[str]) -> str:
    """The command that was meant: `notemill run`, `notemill ci sign`."""
    words, group = ["notemill"], cli
    for word in args:
        if isinstance(group, click.Group) and word in group.commands:
            words, group = [*words, word], group.commands[word]
    return " ".join(words) if not isinstance(group, click.Group) else " ".join([*words, "COMMAND"])


def asks_json(args: list[str]) -> bool:
    return any(word.partition("=")[0] == "--json" for word in args)


def fail(text: str, code: int) -> None:
    click.echo(text, err=True)
    sys.exit(code)
