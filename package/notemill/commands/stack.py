"""`notemill stack`: the server of this machine."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from notemill import distribution
from notemill.ci.stack import backup as backups
from notemill.ci.stack import compose as composing
from notemill.ci.stack import engine as engines
from notemill.ci.stack import health, images, state
from notemill.ci.stack import settings as own
from notemill.ci.stack.compose import Compose
from notemill.ci.stack.told import Told
from notemill.ci.stack.up import alone
from notemill.ci.stack.up import up as bring_up
from notemill.commands.shared import print_json
from notemill.errors import UsageError
from notemill.text import style_for, table


def up(*, as_json: bool, **asked) -> None:
    told = Told()
    settings = bring_up(asked, wheel, told)
    if as_json:
        print_json({"urls": settings["urls"], "settings": str(own.path()), "seconds": told.seconds, "took": told.took,
                    "error": None})
    else:
        click.echo("\n".join(welcome(settings, told.seconds)))


def status(*, as_json: bool) -> None:
    compose = here()
    found = state.parts(compose)
    silent = state.unanswered(compose) if any(part.well for part in found) else list(own.PARTS)
    well = all(part.well for part in found) and not silent
    if as_json:
        print_json({"well": well, "parts": [part.as_json() for part in found], "silent": silent,
                    "settings": str(own.path()), "error": None})
    else:
        rows = [[part.name, part.state, part.says, part.url or ""] for part in found]
        click.echo(table(["part", "state", "", "address"], rows, style_for(sys.stdout)))
        click.echo(in_short([part.name for part in found if not part.well], silent))
    sys.exit(0 if well else 1)


def in_short(unwell: list[str], silent: list[str]) -> str:
    if not unwell and not silent:
        return f"all are well; passwords and tokens: {own.path()}"
    said = {"not well": unwell, "no answer": silent}
    return "; ".join([f"{what}: {', '.join(names)}" for what, names in said.items() if names]
                     + ["notemill stack up does what is missing, notemill stack logs NAME says more"])


def logs(name: str, follow: bool, *, as_json: bool) -> None:
    if follow and as_json:
        raise UsageError("notemill stack logs", "--follow has no end, and --json prints when all is there")
    lines: list[str] = []
    here().log(name, follow, lines.append if as_json else click.echo)
    if as_json:
        print_json({"lines": lines, "error": None})


def down(volumes: bool, *, as_json: bool) -> None:
    compose, told = here(), Told()
    with alone(), told("stopping all parts" + (" and deleting what they hold" if volumes else "")):
        backups.down(compose, volumes)
        if volumes:
            own.remove()
    done({"error": None}, "" if volumes else "What it holds is kept; notemill stack up starts it again.", as_json)


def backup(file: Path, *, as_json: bool) -> None:
    compose, told = here(), Told()
    with alone(), told(f"writing {file} (the parts stand still)"):
        size = backups.backup(compose, file)
    with told("all parts answer again"):
        for part in own.PARTS:
            health.wait(compose.settings, part)
    done({"file": str(file), "bytes": size, "seconds": told.seconds, "error": None},
         f"{file}: {size / 1e6:.0f} MB, with every password of the stack in it: keep it where only you can read it",
         as_json)


def restore(file: Path, *, as_json: bool) -> None:
    settings = backups.check(file)
    told, engine = Told(), engines.find()
    images.ensure(engine, settings["built"], wheel(), told)
    with alone(), told(f"reading {file}"):
        backups.restore(engine, file)
    up(as_json=as_json)


def here() -> Compose:
    compose = Compose(engines.find(), own.needed(), own.folder())
    if not (compose.folder / "compose.yaml").is_file():     # ended before it came that far
        composing.lay_files(compose.folder, compose.settings)
    return compose


def done(facts: dict, words: str, as_json: bool) -> None:
    if as_json:
        print_json(facts)
    elif words:
        click.echo(words)


def welcome(settings: dict, seconds: float) -> Iterator[str]:
    """What to look at first."""
    names = {"forge": "the code: repositories, pull requests (Gitea)", "drone": "builds (Drone)",
             "registry": "images; the engine itself knows it as " + settings["registry_engine"],
             "mlflow": "runs and versions (MLflow)", "reports": "what builds hand out (the drop)"}
    yield f"\nThe stack runs ({seconds:.0f} s):"
    yield from (f"  {settings['urls'][part]:30} {what}" for part, what in names.items())
    yield f"Its passwords and tokens: {own.path()} (admin: name {settings['admin']['name']})"
    yield f"First: open {settings['urls']['forge']}, log in; then in a project's folder: notemill ci connect"


def wheel() -> images.Wheel:
    """Notemill as it runs here, for the image that steps run in."""
    name, content = distribution.own_wheel()
    return images.Wheel(name, content, distribution.needs(content, images.EXTRAS), distribution.constraints())
