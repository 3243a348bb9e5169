"""A target of kind docker: containers of one engine, on a network of the target's own, behind a HAProxy in a container.
All is done over the engine's socket, so that it also works from a build step that has nothing else."""

from notemill.release.deploy.docker.site import Docker

__all__ = ["Docker"]
