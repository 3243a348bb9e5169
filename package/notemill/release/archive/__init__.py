"""What an archive of a version holds, and what verifies it.

contents.py: its files; readme.py: the text for whoever opens it; verify.py: goes into it as it is, so it imports
nothing of notemill.
"""

from notemill.release.archive.contents import Contents, contents_of
from notemill.release.archive.readme import readme

__all__ = ["Contents", "contents_of", "readme"]
