"""What a target has in an engine: containers, a network and volumes. They are known by their names and a label."""

from notemill.release.deploy.state import Release
from notemill.release.deploy.targets import Target
from notemill.release.image.engine import in_words

MARK, DEPLOYMENT, SLOT = "notemill.target", "notemill.deployment", "notemill.slot"
NO_RIGHTS = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}
LOGS = {"type": "json-file", "config": {"max-size": "10m", "max-file": "3"}}  # else they grow until the disk is full
# not unless-stopped: an engine that was killed ends what it finds running once it is back, and calls that stopped
STAYS, GOES = {"Name": "always"}, {"Name": "no"}


class Owned:
    """Of one target, in the engine that `client` talks to. Raises NotemillError for what the engine refuses."""

    def __init__(self, target: Target, client):
        self.target, self.client = target, client
        self.where, self.labels = f"target '{target.name}'", {MARK: f"{target.project}/{target.name}"}

    def called(self, what: str = "") -> str:
        """A target's name has neither . nor _, so two never have the same."""
        return f"deployed-{self.target.name}{what and '.'}{what}_{self.target.project}"

    def name_of(self, release: Release, part: str) -> str:
        return self.called(f"{release.deployment}-{part}")

    # containers
    def container(self, name: str):
        """As it is now; None where it is not there."""
        import docker.errors

        with in_words(self.where):
            try:
                return self.client.containers.get(name)
            except docker.errors.NotFound:
                return None

    def containers(self, **more: str) -> list:
        labels = [f"{name}={value}" for name, value in {**self.labels, **more}.items()]
        with in_words(self.where):
            return self.client.containers.list(all=True, filters={"label": labels})

    def create(self, name: str, image: str, words: list[str], labels: dict[str, str] | None = None, **options):
        """One on the target's network that the engine keeps running, without rights, once it is started."""
        with in_words(self.where):
            return self.client.containers.create(
                image, words, name=name, labels={**self.labels, **(labels or {})}, network=self.called(),
                restart_policy=STAYS, log_config=LOGS, use_config_proxy=False, **NO_RIGHTS, **options)

    def end(self, container, patience: float) -> None:
        """Tell it to end, and wait for that; what does not is killed. It does not come back by itself."""
        with in_words(self.where):
            container.update(restart_policy=GOES)
            container.stop(timeout=int(patience))

    def remove(self, container) -> None:
        with in_words(self.where):
            container.remove(force=True, v=True)

    # what they share
    def has_volume(self) -> bool:
        with in_words(self.where):
            return self.called() in [one.name for one in self.client.volumes.list(filters={"name": self.called()})]

    def make_shared(self, *volumes: str) -> None:
        """The network and these volumes, where they are not there."""
        with in_words(self.where):
            if self.called() not in [one.name for one in self.client.networks.list(names=[self.called()])]:
                self.client.networks.create(self.called(), driver="bridge", labels=self.labels, check_duplicate=True)
            for name in volumes:
                self.client.volumes.create(name, labels=self.labels)

    def forget(self) -> None:
        """Containers, network and volumes: nothing is left."""
        for container in self.containers():
            self.remove(container)
        with in_words(self.where):
            for kind in (self.client.networks, self.client.volumes):
                for one in kind.list(filters={"label": f"{MARK}={self.labels[MARK]}"}):
                    one.remove()
