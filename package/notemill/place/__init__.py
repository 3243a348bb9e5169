"""Places that several share: a folder, or a bucket that speaks S3."""

from notemill.place.folder import Folder
from notemill.place.opened import Place, check_named, open_place
from notemill.place.refused import Denied

__all__ = ["Denied", "Folder", "Place", "check_named", "open_place"]
