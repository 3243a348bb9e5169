"""What holds a stack's volumes when it is to go, on a real engine; nothing here is called as a stack's is."""

import io
import secrets
import tarfile

import pytest
from real_engine import ASKED, WHY

from notemill.ci.stack import backup, engine, images, leftovers
from notemill.ci.stack import settings as own
from notemill.errors import UsageError

DRONE, OTHER = "192.0.2.7:7391", "192.0.2.7:7491"      # addresses that no machine has


@pytest.fixture(scope="module")
def docker():
    if not ASKED:
        pytest.skip(WHY)
    try:
        return engine.find()
    except UsageError as error:
        pytest.skip(f"needs a Docker engine: {error.got}")


class World:
    """Containers, volumes and networks of this test alone; all are called helper-..."""

    def __init__(self, docker):
        self.engine, self.mark = docker, f"helper-{secrets.token_hex(4)}"
        self.settings = own.new("192.0.2.7", 7390, "172.30.89.0/24", "172.30.89.1", True) | {"project": self.mark}
        self.image, self.asked = self.an_image(), []
        for volume in backup.all_volumes(self.settings):
            docker.run("volume", "create", "--label", f"helper={self.mark}", volume)

    def an_image(self):
        """One that has a program, so that its containers run; else one that holds nothing, for containers at rest."""
        there = [name for name in (images.STEP, images.BASE) if self.engine.ask("image", "inspect", name) is not None]
        if there:
            return there[0]
        empty = io.BytesIO()
        tarfile.open(fileobj=empty, mode="w").close()
        self.engine.run("import", "-", f"{self.mark}:1", stdin=empty.getvalue())
        return f"{self.mark}:1"

    def container(self, name, *words, drone=None):
        labels = ["--label", f"helper={self.mark}"]
        if drone:
            labels += ["--label", "io.drone=true", "--label", f"io.drone.system.host={drone}"]
        how = ["create"] if self.image.startswith("helper-") else ["run", "-d"]
        self.engine.run(*how, "--name", f"{self.mark}-{name}", "--entrypoint", "sleep", *labels, *words, self.image,
                        "600")
        return f"{self.mark}-{name}"

    def made(self, kind, name, drone):
        self.engine.run(kind, "create", "--label", f"helper={self.mark}", "--label", "io.drone=true", "--label",
                        f"io.drone.system.host={drone}", f"{self.mark}-{name}")
        return f"{self.mark}-{name}"

    def there(self, kind):
        words = ("ps", "-a", "--format", "{{.Names}}") if kind == "container" else (kind, "ls", "--format", "{{.Name}}")
        return set(self.engine.run(*words, f"--filter=label=helper={self.mark}").split())

    def run(self, *words):
        """As Compose's project."""
        self.asked.append(words[0])

    def clear(self):
        for kind, words in (("container", ("rm", "-f")), ("network", ("network", "rm")), ("volume", ("volume", "rm"))):
            if found := self.there(kind):
                self.engine.run(*words, *found)
        if self.image.startswith("helper-"):
            self.engine.run("image", "rm", self.image)


@pytest.fixture
def world(docker):
    world = World(docker)
    try:
        yield world
    finally:
        world.clear()


@pytest.fixture
def builds(world):
    """Two builds that were cut short, one that had only begun, and one of another Drone."""
    store = f"{world.mark}-store"
    work, network = world.made("volume", "work", DRONE), world.made("network", "net", DRONE)
    world.container("step", "-v", f"{store}:/store", "-v", f"{work}:/drone/src", "--network", network, drone=DRONE)
    world.container("pull", "-v", f"{store}-to-read:/store", "--network", network, drone=DRONE)
    world.container("begun", "-v", f"{work}:/drone/src", drone=DRONE)
    world.made("network", "other-net", OTHER)
    world.container("other", "-v", f"{world.made('volume', 'other-work', OTHER)}:/drone/src", drone=OTHER)
    world.container("mine", "-v", f"{world.mark}-of-mine:/x")
    return world


def test_what_builds_left_goes_with_the_volumes_and_nothing_of_others(builds):
    """As `notemill stack down --volumes` does."""
    try:
        backup.down(builds, True)
        assert builds.asked == ["down"]
        assert builds.there("container") == {f"{builds.mark}-other", f"{builds.mark}-mine"}
        assert builds.there("network") == {f"{builds.mark}-other-net"}
        assert builds.there("volume") == {f"{builds.mark}-other-work"}
        assert builds.engine.ask("volume", "inspect", f"{builds.mark}-of-mine") is not None
        backup.down(builds, True)       # a second time there is nothing
    finally:
        builds.engine.run("rm", "-f", f"{builds.mark}-mine")
        builds.engine.run("volume", "rm", f"{builds.mark}-of-mine")


def test_without_volumes_all_of_it_stays(world):
    world.container("step", "-v", f"{world.mark}-store:/store", drone=DRONE)
    before = [world.there(kind) for kind in ("container", "volume")]
    backup.down(world, False)
    assert [world.there(kind) for kind in ("container", "volume")] == before and world.asked == ["down"]


@pytest.mark.parametrize("drone", [None, OTHER])
@pytest.mark.parametrize("volume", ["store", "store-to-read", "gitea"])
def test_a_stranger_that_uses_a_volume_is_named_before_anything_stops(world, drone, volume):
    name = world.container("stranger", "-v", f"{world.mark}-{volume}:/x:ro", drone=drone)
    world.container("step", "-v", f"{world.mark}-store:/store", drone=DRONE)
    before = [world.there(kind) for kind in ("container", "volume")]
    with pytest.raises(UsageError, match=f"^.*{name} uses what is to be deleted") as error:
        backup.down(world, True)
    assert error.value.hint == f"docker rm -f {name}, if it is not needed" and world.asked == []
    assert [world.there(kind) for kind in ("container", "volume")] == before


def test_its_own_parts_and_a_backup_that_was_cut_short_are_no_strangers(world):
    world.container("part", "-v", f"{world.mark}-gitea:/x", "--label", f"com.docker.compose.project={world.mark}")
    world.container("backup", "-v", f"{world.mark}-gitea:/x", "--label", f"{leftovers.LABEL}={world.mark}")
    leftovers.check(world.engine, world.settings, backup.all_volumes(world.settings))
    leftovers.remove(world.engine, world.settings)
    assert world.there("container") == {f"{world.mark}-part"}       # Compose's own


def test_what_writes_a_backup_can_be_told(docker):
    settings = own.new(None, 7390, "172.30.89.0/24", "172.30.89.1", True)
    words = backup.in_container(docker, settings, "true", ":ro")
    assert f"{leftovers.LABEL}=notemill-7390" in words
    mounts = [words[at + 1] for at, word in enumerate(words) if word == "-v"]
    assert len(mounts) == len(backup.volumes(settings)) and all(mount.endswith(":ro") for mount in mounts)


@pytest.mark.parametrize(("host", "said"), [(None, "172.30.89.1:7391"), ("box.example", "box.example:7391"),
                                            ("fd00::2", "[fd00::2]:7391")])
def test_drone_is_found_by_the_address_that_it_was_told(host, said):
    settings = own.new(host, 7390, "172.30.89.0/24", "172.30.89.1", True)
    assert leftovers.of_builds(settings)[1] == f"--filter=label=io.drone.system.host={said}"
