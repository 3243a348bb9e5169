"""What a build did, told where people look: at the end of its log, on Drone's card, and in summary.json for others.

facts (what the runs left) -> links (what of it is put into the drop) -> summary -> lines.
"""

from notemill.ci.story.telling import tell

__all__ = ["tell"]
