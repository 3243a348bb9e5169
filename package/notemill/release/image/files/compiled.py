"""Compiles all Python below a folder: `compiled.py FOLDER`. Where nothing can be written, each start would do so anew,
and takes twice as long, or more, until it is ready.
"""

import compileall
import py_compile
import sys
from pathlib import Path

# Of these large ones only what is compiled stays: the same again as text would be a tenth of the image.
BARE = ("narwhals", "numpy", "pandas", "scipy", "sklearn", "wcwidth")
KEPT = "__init__.py"  # some packages look for their own


def main(folder: Path) -> None:
    compileall.compile_dir(folder, quiet=2, workers=0, maxlevels=50,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    for packages in folder.glob("python3*/site-packages"):
        for name in BARE:
            for source in sorted((packages / name).rglob("*.py")):
                bare(source)


def bare(source: Path) -> None:
    """Put what was compiled in the place of its source."""
    made = next(source.parent.glob(f"__pycache__/{source.stem}.cpython-*.pyc"), None)
    if made and source.name != KEPT:
        made.rename(source.with_suffix(".pyc"))
        source.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
