"""The command line: each command is a few steps on plain values, with no logic of its own.

The commands stand by theme in the files beside this one; here they come together.
"""

import io
import signal
import sys
from typing import TextIO

import click

import notemill
from notemill.cli import ci, deploy, judge, look, release, run, serving, stack, start
from notemill.cli.shared import Commands, in_words
from notemill.commands.shared import print_json
from notemill.errors import NotemillError, UsageError


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(notemill.__version__, prog_name="notemill")
def cli():
    """Notebook in; a judged model package that anybody can install out."""


# In the order in which one meets them: so `notemill --help` lists them.
COMMANDS = (
    run.run, run.plan, run.warm,
    look.why, look.get, look.compare, look.report, look.debug, look.lineage, look.gc,
    judge.gate, judge.register, judge.versions, judge.card,
    judge.promote, judge.rollback, judge.approve, judge.ledger, judge.registry,
    release.package, serving.score, release.export, release.verify, release.image,
    serving.serve, serving.demo, serving.stress, serving.predictions,
    deploy.deploy, deploy.deployments, deploy.undeploy,
    start.init,
    ci.ci_group, stack.stack_group,
    start.completion)
for one in COMMANDS:
    cli.add_command(one)


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
