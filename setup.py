"""Builds the distribution from package/.

The metadata and the place of the code (`packages.find.where`) are in pyproject.toml. A bare `find_packages()` would
search beside this file, find nothing, and build an empty wheel without a word; tests/test_packaging.py looks into it.
"""

from setuptools import setup

setup()
