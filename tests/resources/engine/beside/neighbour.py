"""A module beside the notebook."""

import warnings


def square(number):
    """The number times itself."""
    return number * number


def warn(text):
    """Warn as a library does."""
    warnings.warn(text, UserWarning, stacklevel=1)


def deprecated():
    warnings.warn("deprecated in a library", DeprecationWarning, stacklevel=1)


def fail(number):
    rows = {"number": number}
    return rows["missing"]
