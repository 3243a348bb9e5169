"""To begin with: a new project, and a shell that knows the commands."""

from pathlib import Path

import click

from notemill.cli.shared import JSON, told


@click.command()
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


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str):
    """Print a shell's completion script.

    In bash: eval "$(notemill completion bash)"
    """
    from click.shell_completion import get_completion_class

    program = click.get_current_context().find_root().command
    script = get_completion_class(shell)(program, {}, "notemill", "_NOTEMILL_COMPLETE")
    click.echo(script.source())
