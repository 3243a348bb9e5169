"""Model packages that the demo shows, loaded once; their names are used by no other test."""

import pytest
from browsing import chromium
from serving_samples import make_wheel, plain_files, unpacked

from notemill.demo import badges
from notemill.demo.state import Current, Demo
from notemill.serve.loading import load


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """target -> a wheel: `answer` is a classification, `weight` a regression."""
    made = {}

    def get(target="answer", **more):
        if target not in made:
            folder = tmp_path_factory.mktemp("wheel")
            made[target] = make_wheel(folder, plain_files(folder / "made", target), name=f"tried-{target}")
        return made[target]
    return get


@pytest.fixture(scope="session")
def packages(wheels, tmp_path_factory):
    made = {}

    def get(target="answer"):
        if target not in made:
            made[target] = unpacked(wheels(target), tmp_path_factory.mktemp("package"))
        return made[target]
    return get


@pytest.fixture(scope="session")
def loaded(packages):
    """target -> what notemill.serve.loading gives."""
    made = {}

    def get(target="answer"):
        if target not in made:
            made[target] = load(str(packages(target)))
        return made[target]
    return get


@pytest.fixture
def demo(loaded):
    """The classification's demo, set as the process's own."""
    yield from shown(Demo(loaded(), badges.badges(loaded(), "no")))


@pytest.fixture
def regression(loaded):
    yield from shown(Demo(loaded("weight"), badges.badges(loaded("weight"), "no")))


def shown(demo):
    Current.demo = demo
    yield demo
    Current.demo = None


@pytest.fixture(scope="module")  # no longer: no other event loop can run while it is there
def browser():
    with chromium() as found:
        yield found
