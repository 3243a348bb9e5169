"""A real Docker engine with something to stand on; who has none, or did not ask for it, skips. `from containers import
...`."""

import io
import json
import subprocess
import tarfile
from contextlib import contextmanager

import pytest
from real_engine import ASKED, WHY

from notemill.errors import NotemillError
from notemill.release.image import building
from notemill.release.image.base import find_base
from notemill.release.image.engine import connect

USUAL = "python:3.11-slim"


def client_or_skip(environ):
    """The engine, which answers, with a client that builds and a base that is here."""
    if not ASKED:
        pytest.skip(WHY)
    try:
        client = connect(environ)
        building.client(environ)
    except NotemillError as error:
        pytest.skip(f"no engine that builds images: {error}")
    try:
        base = find_base(client, None, USUAL, print)
    except NotemillError as error:
        client.close()
        pytest.skip(f"nothing to stand on: {error}")
    return client, base


def layers(client, image):
    """{path: content} of all files in all layers, each with its layer's number; and the image's settings as text."""
    packed = io.BytesIO(b"".join(client.images.get(image).save()))
    with tarfile.open(fileobj=packed) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))[0]
        settings = archive.extractfile(manifest["Config"]).read().decode()
        return settings, list(files_of(archive, manifest["Layers"]))


def files_of(archive, names):
    for number, name in enumerate(names):
        with tarfile.open(fileobj=archive.extractfile(name)) as layer:
            for entry in layer:
                if entry.isfile():
                    yield number, entry, layer.extractfile(entry).read()


@contextmanager
def running(client, image, *words, **options):
    """A container of it, gone afterwards."""
    container = client.containers.run(image, list(words), detach=True, labels={"notemill.test": "yes"}, **options)
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def once(client, image, *words, **options):
    """What a container says that ends: (exit code, text)."""
    with running(client, image, *words, **options) as container:
        code = container.wait(timeout=120)["StatusCode"]
        return code, container.logs().decode()


def docker(*words):
    return subprocess.run([building.client({}), *words], capture_output=True, text=True)


def forget(client, image):
    """The image and its names."""
    import docker.errors

    try:
        for name in client.images.get(image).tags:
            client.images.remove(name)
    except docker.errors.ImageNotFound:
        return
