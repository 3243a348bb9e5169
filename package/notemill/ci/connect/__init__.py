"""Making a project known to a Drone and its forge, and asking them about it."""

from notemill.ci.connect import builds, drone_file, repository
from notemill.ci.connect.connect import choose_slug, connect, what_next
from notemill.ci.connect.credential import answer
from notemill.ci.connect.servers import Login, Servers, find_servers, known_servers

__all__ = ["Login", "Servers", "answer", "builds", "choose_slug", "connect", "drone_file", "find_servers",
           "known_servers", "repository", "what_next"]
