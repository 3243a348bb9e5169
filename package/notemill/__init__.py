"""Notemill: notebook in; a judged, signed, installable, deployed and watched model package out."""

__version__ = "0.1.0"
