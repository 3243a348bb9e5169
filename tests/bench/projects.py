"""What is run: the same code as notebooks, as a project, and as plain scripts."""

import json
import shutil
from pathlib import Path

from tiny import make_project, markdown, notebook, write_notebook

HOUSE = Path(__file__).parents[2]
FIT = (
    "import numpy as np\nimport pandas as pd\nfrom sklearn.linear_model import LogisticRegression",
    "rng = np.random.default_rng(seed)\ndata = pd.DataFrame(rng.normal(size=(300, 4)), columns=list('abcd'))\n"
    "noise = rng.normal(size=len(data))\ntarget = (data['a'] + data['b'] + noise > 0).astype(int)\ndata.head()",
    "model = LogisticRegression().fit(data, target)\n"
    "print(f'accuracy with seed {seed}: {model.score(data, target):.4f}')",
)
PRINTED = "print('\\n'.join([str({n}) * 79] * {lines}))"
SHOWN = "from IPython.display import HTML\nHTML('<p>{n}</p>' + '<!-- ' + 'x' * {characters} + ' -->')"


def seeds(count: int) -> dict[str, int]:
    """The notebooks' names, each with its seed."""
    return {f"fit{n:02d}": n for n in range(1, count + 1)}


def fit_project(root: Path, count: int) -> Path:
    """A project of `count` independent steps; each fits a model."""
    cells = [markdown("# A small model\n\nFits a logistic regression to drawn data."), *FIT]
    names = seeds(count)
    return make_project(
        root, steps={name: {"notebook": f"{name}.ipynb", "params": {"seed": seed}} for name, seed in names.items()},
        notebooks={f"{name}.ipynb": notebook(*cells, parameters="seed = 0") for name in names})


def fit_scripts(folder: Path, count: int) -> dict[str, Path]:
    """The same code as files that Python runs."""
    folder.mkdir(parents=True, exist_ok=True)
    scripts = {name: folder / f"{name}.py" for name in seeds(count)}
    for name, path in scripts.items():
        path.write_text("\n".join([f"seed = {seeds(count)[name]}", *FIT, ""]))
    return scripts


def trivial_notebook(path: Path, count: int) -> Path:
    """`count` cells that take no time; the last one prints what the others have come to."""
    cells = ["total = 0", *(f"total += {n}" for n in range(1, count - 1)), "print(f'total {total}')"]
    return write_notebook(path, notebook(*cells))


def wide_notebook(path: Path, count: int, characters: int) -> Path:
    """`count` outputs of so many characters: text in lines, and HTML, in turn."""
    return write_notebook(path, notebook(*(
        PRINTED.format(n=n % 10, lines=characters // 80) if n % 2 else SHOWN.format(n=n, characters=characters)
        for n in range(count))))


def one_step_project(root: Path, source: Path) -> Path:
    """The project whose one step, `only`, is this notebook."""
    return make_project(root, steps={"only": {"notebook": "only.ipynb"}},
                        notebooks={"only.ipynb": source.read_text()})


def starter_project(root: Path) -> Path:
    """This house's own notebooks, elsewhere."""
    shutil.copytree(HOUSE / "notebooks", root / "notebooks")
    return root


def edit_last_cell(path: Path, line: str) -> None:
    """Add a line of code to the notebook's last code cell."""
    content = json.loads(path.read_text(encoding="utf-8"))
    cell = [cell for cell in content["cells"] if cell["cell_type"] == "code"][-1]
    cell["source"] = "".join(cell["source"]) + f"\n{line}"
    write_notebook(path, content)
