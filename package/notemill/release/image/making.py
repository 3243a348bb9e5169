"""The image of a version: found by its content, else built, run and asked."""

import io
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from notemill.distribution import own_wheel
from notemill.errors import NotemillError
from notemill.files import write_atomic
from notemill.project import Project
from notemill.release.image import building, context, engine
from notemill.release.image.base import VARIABLE, check_python, find_base
from notemill.release.image.context import Parts
from notemill.release.image.engine import connect, in_words
from notemill.release.image.own import small_wheel
from notemill.release.image.pins import pinned
from notemill.release.image.source import Source, find_source
from notemill.release.image.trial import trial
from notemill.release.packaged import cache_of

PARTS = "/opt/model/share/parts.json"
PINS = "NOTEMILL_PINS"
PASSED = "passed"  # beside the lists: a file for each image that has passed its trial, by its id


@dataclass(frozen=True)
class Image:
    """An image that has answered its golden rows. `digest`: the model's content, as its service tells it; `revision`:
    the commit as the image's tag has it; `parts`: bytes of each distribution in it; `ready`: seconds until the service
    and the demo were, in its trial; None where it was there already."""

    reference: str
    id: str
    version: str
    digest: str
    commit: str | None
    names: tuple[str, ...]
    package: str
    distribution: str
    demo: bool
    wheel_sha256: str
    size: int
    base: str
    base_size: int
    built: bool
    seconds: float
    ready: Mapping[str, float] | None = None
    parts: Mapping[str, int] = field(default_factory=dict)

    @property
    def above(self) -> int:
        """Bytes above its base."""
        return self.size - self.base_size


def ensure(project: Project | None, asked: str, told: Callable[[str], None] = lambda words: None, *, demo: bool = True,
           base: str | None = None, environ: Mapping[str, str] | None = None, manifest: Mapping | None = None) -> Image:
    """The image of a version, an alias or a wheel (then `project` may be None), built unless it is there.

    An image has its names only once it was run and has given the golden answers. `manifest`: the version's, which may
    be loaded, where it is known: MLflow is not asked. Raises UsageError, NotemillError.
    """
    began = time.monotonic()
    environ = dict((project.environ if project else os.environ) if environ is None else environ)
    source = find_source(project, asked, environ, told, manifest)
    client = connect(environ)
    try:
        parts = gathered(client, project, source, demo, base or environ.get(VARIABLE), environ, told)
        with in_words("docker"):
            passed = pins_folder(project and project.root, environ) / PASSED
            found, ready = named(client, parts, passed), None
            if found is None:
                found, ready = made(client, parts, environ, told)
                note(passed, found, parts)
            return described(client, parts, found, ready, time.monotonic() - began)
    finally:
        client.close()


def gathered(client, project: Project | None, source: Source, demo: bool, base: str | None,
             environ: Mapping[str, str], told: Callable[[str], None]) -> Parts:
    """All that it is to be made of."""
    root = project.root if project else None
    text = context.dockerfile(root, source.python)
    stands_on = find_base(client, base, context.usual_base(text), told)
    check_python(source, stands_on)
    own = own_wheel()[1]
    pins = pinned(source, own, stands_on, demo, root, pins_folder(root, environ), environ, told)
    return Parts(source, small_wheel(own), pins, text, stands_on, demo)


def pins_folder(root: Path | None, environ: Mapping[str, str]) -> Path:
    """Where lists of packages are kept. On a build server all builds share one, so that no index has to be asked again
    for what was made before: to go back does not depend on it."""
    return Path(environ.get(PINS) or cache_of(root, environ).parent / "images")


def named(client, parts: Parts, passed: Path):
    """An image of just these parts that has a name, and has passed its trial: one that somebody has built on top of it
    has its labels, too."""
    for one in client.images.list(filters={"label": f"{context.CONTENT}={parts.digest}"}):
        if one.tags and mark_of(passed, one).is_file():
            give_names(one, parts)
            return one
    return None


def note(passed: Path, image, parts: Parts) -> None:
    """That it has passed its trial, where the lists of packages are."""
    write_atomic(mark_of(passed, image), f"{parts.digest}\n")


def mark_of(passed: Path, image) -> Path:
    return passed / image.id.replace(":", "-")


def made(client, parts: Parts, environ: Mapping[str, str], told: Callable[[str], None]):
    """(the image, how long its parts took to be ready): built, run and asked, and named."""
    told(f"building the image of {parts.source.facts['distribution']} {parts.source.facts['version']}")
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        context.lay(parts, Path(folder))
        image = client.images.get(building.build(Path(folder), parts.base.name, context.labels(parts), environ))
    told("asking it its golden rows")
    try:
        ready = trial(client, image.id, parts.source, parts.demo)
    except NotemillError:
        if not image.tags:
            client.images.remove(image.id, force=True)
        raise
    give_names(image, parts)
    image.reload()
    return image, ready


def give_names(image, parts: Parts) -> None:
    for name in context.names(parts.source, parts.demo):
        if name not in image.tags:
            place, _, tag = name.rpartition(":")
            image.tag(place, tag)


def described(client, parts: Parts, image, ready: Mapping[str, float] | None, seconds: float) -> Image:
    source, names = parts.source, context.names(parts.source, parts.demo)
    return Image(names[0], image.id, source.facts["version"], source.facts["content"], source.commit, names,
                 source.facts["package"], source.facts["distribution"], parts.demo, source.sha256, image.attrs["Size"],
                 parts.base.name, parts.base.size, ready is not None, round(seconds, 1), ready,
                 parts_of(client, image))


def parts_of(client, image) -> Mapping[str, int]:
    """Bytes of each distribution, as the image itself tells."""
    with engine.made(client, image.id, network_mode="none") as container:
        packed = b"".join(container.get_archive(PARTS)[0])
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return json.load(archive.extractfile(Path(PARTS).name))
