"""A version as a container image: built from its wheel, run and asked, then named; and sent to a registry."""

from notemill.release.image.making import Image, ensure
from notemill.release.image.pushing import check_repository, check_tag, push

__all__ = ["Image", "check_repository", "check_tag", "ensure", "push"]
