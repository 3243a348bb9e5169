"""Does a notebook change what an import would see? Then nothing may be imported before it.

Libraries look at variables of the environment, at the working folder and at what is installed when they are imported. A
notebook that changes such things, or may do so, is told from its code; so are the project's modules that it imports.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from notemill.modules import files_behind
from notemill.notebook import parse

INSTALLERS = ("pip", "pip3", "conda", "mamba", "micromamba", "uv", "pipx", "pipenv", "poetry", "pdm", "easy_install",
              "ensurepip", "micropip")
INSTALLS = re.compile(rf"(?<![\w./~-])(?:[\w./~-]*/)?(?:{'|'.join(INSTALLERS)})(?![\w.-])")
SHELL_INSTALLS = re.compile(rf"{INSTALLS.pattern}|\binstall\b|\bsetup\.py\b")
TEXTS = re.compile(rf"{INSTALLS.pattern}|\benviron\b|\bsys\.(?:path|modules)\b|matplotlibrc|\.pth$|\.py$"
                   r"|^%(?:env|set_env|cd|run)\b")
MAGIC = re.compile(r"^[ \t]*(?:[\w.,*\[\]'\" \t]+=[ \t]*)?((?:%|!)(?:.*\\\n)*.*)$", re.M)
MAGIC_CHANGES = re.compile(rf"{SHELL_INSTALLS.pattern}|environ|putenv|chdir|dotenv|^%%?(?:cd|pushd|popd|run|set_env"
                           r"|writefile|file)\b|^%env[ \t]+\w+[ \t]*[= \t][ \t]*\S")
BARE_MAGIC = re.compile(rf"^[ \t]*(?:{'|'.join(INSTALLERS)}|cd|pushd|popd|run|set_env|dotenv)[ \t]+[^=\s(,)].*$"
                        r"|^[ \t]*env[ \t]+\w+[= ]", re.M)
CELL_MAGIC = re.compile(r"\A\s*%%([\w!]+)")
OF_OTHERS = ("bash", "sh", "script", "!", "sx", "system", "cmd", "perl", "ruby", "python", "python2", "python3", "pypy")
SHOWN = ("html", "HTML", "javascript", "js", "latex", "markdown", "svg", "SVG")
CALLS = ("putenv", "unsetenv", "chdir", "fchdir", "load_dotenv", "exec", "run_path", "run_module", "addsitedir",
         "setenv", "delenv", "spec_from_file_location")
IMPORTED = (*INSTALLERS, "dotenv", "site")
HELD = {"os": ("environ", "environb"), "sys": ("path", "modules", "meta_path", "path_hooks", "path_importer_cache")}
LOOKS = ("get", "items", "keys", "values", "copy", "index", "count")  # methods that change nothing
LOOKERS = ("dict", "len", "sorted", "list", "set", "tuple", "print", "str", "repr", "display", "join", "pprint")
READERS = (ast.Compare, ast.BinOp, ast.Dict, ast.For, ast.comprehension, ast.Starred, ast.Expr, ast.FormattedValue)


def changes_imports(notebook: Mapping, imports: Iterable[str], folders: Iterable[Path]) -> bool:
    """Whether the notebook's code, or a module in these folders that it imports, sets variables of the environment,
    installs something, or does anything else that an import may depend on; also where that cannot be told."""
    folders = [Path(folder) for folder in folders]
    sources = [source_of(cell) for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    if any(map(cell_changes, sources)):
        return True
    added = [base / path for base in folders[:1] for source in sources for path in appended(source)]
    try:
        return any(map(module_changes, files_behind(imports, (*folders, *added))))
    except OSError:  # a folder or a file that may not be read
        return True


def source_of(cell: Mapping) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def cell_changes(source: str) -> bool:
    """Whether a cell does, magics included."""
    kind = "".join(CELL_MAGIC.findall(source))
    if kind in SHOWN:
        return False
    if kind in OF_OTHERS:
        return bool(SHELL_INSTALLS.search(source))
    if any(MAGIC_CHANGES.search(line) for line in MAGIC.findall(source)) or BARE_MAGIC.search(source):
        return True
    tree = parse(source)
    return tree_changes(tree) if tree else bool(kind or TEXTS.search(source))


def module_changes(path: Path) -> bool:
    """Whether a module does, as far as it is source code."""
    try:
        return path.suffix == ".py" and tree_changes(ast.parse(path.read_bytes()))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False  # it cannot be imported, either


def tree_changes(tree: ast.AST) -> bool:
    """Whether Python code does."""
    try:
        return any(node_changes(node, parent) for node, parent in pairs_in(tree))
    except RecursionError:
        return True


def pairs_in(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Each node with the one above it; what is raised, and texts that stand alone, do nothing."""
    waiting = [(node, tree) for node in ast.iter_child_nodes(tree)]
    while waiting:
        node, parent = waiting.pop()
        if isinstance(node, ast.Raise) or isinstance(node, ast.Constant) and isinstance(parent, ast.Expr):
            continue
        yield node, parent
        waiting += [(child, node) for child in ast.iter_child_nodes(node)]


def node_changes(node: ast.AST, parent: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and bool(TEXTS.search(node.value))
    if isinstance(node, ast.Import | ast.ImportFrom):
        return import_changes(node)
    if isinstance(node, ast.Call):
        return name_of(node.func) in CALLS or is_append(node.func) and not texts_of(node)
    if is_held(node):
        return not is_read(node, parent) and not is_append(parent)
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        return name_of(node.value) in ("os", "sys", "builtins", "__builtins__")
    return isinstance(node, ast.Name) and node.id in HELD and not isinstance(parent, ast.Attribute)


def import_changes(node: ast.Import | ast.ImportFrom) -> bool:
    """An installer; or a name under which what is looked for here would not be found."""
    if isinstance(node, ast.ImportFrom):
        top = (node.module or "").partition(".")[0]
        taken = [one.name for one in node.names if one.asname or top == "sys"]
        return not node.level and (top in IMPORTED or any(name in (*HELD.get(top, ()), *CALLS) for name in taken))
    names = [one.name.partition(".")[0] for one in node.names]
    return any(name in IMPORTED for name in names) or any(one.asname and one.name in HELD for one in node.names)


def name_of(node: ast.AST) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


def is_held(node: ast.AST) -> bool:
    """`os.environ` and `environ`, `sys.path` and what else Python itself holds."""
    if isinstance(node, ast.Name):
        return node.id in HELD["os"]
    return isinstance(node, ast.Attribute) and (
        node.attr in HELD["os"] or name_of(node.value) == "sys" and node.attr in HELD["sys"])


def is_read(node: ast.AST, parent: ast.AST) -> bool:
    """Whether that is only looked at."""
    if not isinstance(node.ctx, ast.Load):
        return False
    if isinstance(parent, ast.Subscript):
        return isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.Attribute):
        return parent.attr in LOOKS
    if isinstance(parent, ast.Call):
        return name_of(parent.func) in LOOKERS
    return isinstance(parent, READERS) or isinstance(parent, ast.keyword) and parent.arg in ("env", None)


def is_append(node: ast.AST) -> bool:
    """`sys.path.append`: what is installed is found before it."""
    return isinstance(node, ast.Attribute) and node.attr == "append" and is_held(node.value) \
        and name_of(node.value) == "path"


def texts_of(call: ast.Call) -> list[str]:
    """The call's arguments that are written there."""
    return [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def appended(source: str) -> Iterator[str]:
    """The folders that a cell appends to `sys.path`."""
    for node in ast.walk((parse(source) if "append" in source else None) or ast.Module([], [])):
        if isinstance(node, ast.Call) and is_append(node.func):
            yield from texts_of(node)
