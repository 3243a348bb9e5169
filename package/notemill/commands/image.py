"""`notemill image`: a version as a container image, asked before it is told of, and sent to a registry."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from notemill.commands.shared import print_json
from notemill.errors import UsageError
from notemill.pipeline import FILE
from notemill.project import open_project
from notemill.release import image as images
from notemill.release.image import Image, parts
from notemill.release.packaged import check_project, is_wheel
from notemill.text import size, style_for, table


def image(folder: Path, asked: str, repository: str | None, demo: bool, base: str | None,
          tags: tuple[str, ...] = (), *, as_json: bool) -> None:
    check_place(repository, tags)
    made = images.ensure(project_of(asked, folder), asked, say, demo=demo, base=base)
    pushed = images.push(made, repository, say, tags=tags) if repository else {}
    if as_json:
        print_json({**facts(made), "pushed": pushed, "error": None})
    else:
        click.echo("\n".join(told(made, pushed)))


def check_place(repository: str | None, tags: tuple[str, ...]) -> None:
    """Raise UsageError where nothing can be pushed there: before anything is built."""
    if tags and repository is None:
        raise UsageError("--tag", "is for a registry, and none is named", hint="--push REGISTRY/NAME")
    if repository is not None:
        images.check_repository(repository)
    for tag in tags:
        images.check_tag(tag)


def project_of(asked: str, folder: Path):
    """None for a wheel outside a project."""
    if not is_wheel(asked):
        check_project(asked, folder, "")
    return open_project(folder) if (folder / FILE).is_file() else None


def say(words: str) -> None:
    click.echo(words, err=True)


def facts(made: Image) -> dict:
    return {"image": made.reference, "id": made.id, "names": made.names, "version": made.version,
            "digest": made.digest, "commit": made.commit, "wheel_sha256": made.wheel_sha256, "demo": made.demo,
            "built": made.built, "seconds": made.seconds, "ready": made.ready, "bytes": made.size,
            "base": {"image": made.base, "bytes": made.base_size}, "bytes_above_base": made.above,
            "parts": parts.table(made.parts, made.distribution)}


def told(made: Image, pushed: dict[str, str]) -> Iterator[str]:
    rows = [[one["package"], f"{one['mb']:.1f}", one["why"]] for one in parts.table(made.parts, made.distribution)]
    yield table(["in it", "MB", "why"], rows, style_for(sys.stdout))
    state = f"built and asked in {made.seconds:.0f} s" if made.built else "there already"
    yield f"\n{made.reference}: {size(made.above)} above {made.base} ({state})"
    if made.ready:
        yield "  " + ", ".join(f"{part} ready after {seconds:.1f} s" for part, seconds in made.ready.items())
    yield from (f"  {name}@{digest}" for name, digest in pushed.items())
    yield f"  docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 {made.reference}"
    if made.demo:
        yield f"  docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8501:8501 {made.reference} demo"
