"""A version deployed to a target, and taken back: the old one serves until the new one has proved itself."""

from notemill.release.deploy.deploying import Outcome, deploy, undeploy
from notemill.release.deploy.showing import Shown, deployments
from notemill.release.deploy.targets import FILE, Target, find_target, read_targets

__all__ = ["FILE", "Outcome", "Shown", "Target", "deploy", "deployments", "find_target", "read_targets", "undeploy"]
