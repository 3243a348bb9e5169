"""Notemill: notebook in; a judged model package that anybody can install out."""

__version__ = "0.1.0"
