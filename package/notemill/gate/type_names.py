"""Types and functions that `gate: types` lets a model's file name: what no model needs is refused in words.

skops loads a type or a function by its name, if the name is trusted, and calls it: the file says with what. It knows
types to trust and none to refuse, so that a name given in good faith, or copied from an error, lets anything run.
"""

import re
import sys
from collections.abc import Sequence

from notemill.errors import UsageError

# of the standard library: data, and functions that do nothing but compute
PLAIN = {"array", "base64", "bisect", "cmath", "collections", "datetime", "decimal", "fractions", "functools",
         "hashlib", "heapq", "html", "itertools", "json", "math", "numbers", "operator", "random", "re", "statistics",
         "textwrap", "unicodedata", "urllib.parse", "zlib", "zoneinfo"}
BUILTINS = {"abs", "all", "any", "ascii", "bin", "bool", "bytearray", "bytes", "chr", "complex", "dict", "divmod",
            "enumerate", "filter", "float", "format", "frozenset", "hash", "hex", "int", "len", "list", "map", "max",
            "min", "object", "oct", "ord", "pow", "range", "repr", "reversed", "round", "set", "slice", "sorted", "str",
            "sum", "tuple", "type", "zip"}
BY_NAME = {"operator.attrgetter", "operator.methodcaller"}  # with them every attribute, and every method, is reached
# of libraries: what reads and writes files, loads pickles, evaluates text, or runs commands
LIBRARIES = ("IPython", "cloudpickle", "dill", "fsspec", "httpx", "ipykernel", "joblib", "jupyter_client", "mlflow",
             "nbconvert", "numpy.distutils", "numpy.f2py", "numpy.testing", "pandas.core.computation", "pandas.io",
             "papermill", "pip", "pkg_resources", "requests", "scipy.io", "setuptools", "skops", "sklearn.datasets",
             "urllib3")
FILES = re.compile(r"(numpy|pandas|polars|pyarrow|scipy)\.(.*\.)?(eval|query|load|loads|loadtxt|genfromtxt|fromfile|"
                   r"fromregex|memmap|save\w*|tofile|DataSource|(read|scan|write|sink)_\w+|"
                   r"to_(clipboard|csv|excel|feather|hdf|html|json|orc|parquet|pickle|sql|stata|xml))")


def check_types(types: Sequence[str], place: str) -> None:
    """Raise UsageError for a name that no model needs, and that would let its file do anything."""
    for name in types:
        if why := why_not(name):
            raise UsageError(place, f"'{name}' is not let in: {why}", "types and functions that make numbers of rows",
                             "take it out; what the project needs itself goes into a cell tagged `export`")


def why_not(name: str) -> str | None:
    """What could be done with it; None where nothing is known against it."""
    module, _, attribute = name.rpartition(".")
    if module == "builtins":
        return None if attribute in BUILTINS else "with it a model's file can run any code, or reach for any attribute"
    if name in BY_NAME:
        return "with it a model's file can reach for any attribute, or call any method"
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top == "nt":
        return None if is_plain(module, attribute) else ("of the standard library a model needs data and arithmetic "
                                                         f"alone, and '{module or name}' can do more")
    if any(name == one or name.startswith(f"{one}.") for one in LIBRARIES) or FILES.fullmatch(name):
        return "it can read or write files, load pickles, evaluate text or run commands"
    return None


def is_plain(module: str, attribute: str) -> bool:
    """Whether nothing but data and arithmetic; a module in C has an underscore before its name (`_operator`)."""
    shown = module.removeprefix("_")
    return not attribute.startswith("_") and any(shown == one or shown.startswith(f"{one}.") for one in PLAIN)
