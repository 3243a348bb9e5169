"""Compiled templates, kept in the user's cache between runs: 60 ms of the first report's and page's time."""

import os
from contextlib import suppress

import jinja2

import notemill
from notemill.files import cache_folder


class Compiled(jinja2.FileSystemBytecodeCache):
    """Jinja's cache, which looks for itself whether a template has changed; what changes how one is compiled comes with
    another version of ours."""

    def __init__(self):
        super().__init__(str(cache_folder(os.environ)), f"template-{notemill.__version__}-%s.bin")

    def load_bytecode(self, bucket: object) -> None:
        try:
            super().load_bytecode(bucket)
        except Exception:  # a damaged file, whatever the unpickler says to it: it is written anew
            bucket.reset()

    def dump_bytecode(self, bucket: object) -> None:
        with suppress(OSError):  # a full disk: the next process compiles again
            super().dump_bytecode(bucket)
