"""Compiled templates, kept in the user's cache between runs: 60 ms of the first report's and page's time. They are
code: where others could write to it, there is no cache."""

import os
from contextlib import suppress

import jinja2

import notemill
from notemill.files import safe_cache


class Compiled(jinja2.FileSystemBytecodeCache):
    """Jinja's cache, which looks for itself whether a template has changed; what changes how one is compiled comes with
    another version of ours."""

    def __init__(self):
        self.place = safe_cache(os.environ)
        super().__init__(str(self.place), f"template-{notemill.__version__}-%s.bin")

    def load_bytecode(self, bucket: object) -> None:
        try:
            if self.place:
                super().load_bytecode(bucket)
        except Exception:  # a damaged file, whatever the unpickler says to it: it is written anew
            bucket.reset()

    def dump_bytecode(self, bucket: object) -> None:
        with suppress(OSError):  # a full disk: the next process compiles again
            if self.place:
                super().dump_bytecode(bucket)
