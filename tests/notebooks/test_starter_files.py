"""The starter's files as they are committed: clean, free of notemill, and in agreement with each other."""

import ast
import subprocess
import sys

import pytest
import yaml

from starter import NOTEBOOKS, read_cells

STEPS = ("prepare", "train", "evaluate")


def code_of(step):
    return [ast.parse("".join(cell["source"])) for cell in read_cells(step) if cell["cell_type"] == "code"]


def declared(step):
    """Names that the parameters cell assigns."""
    cell, = (cell for cell in read_cells(step) if "parameters" in cell["metadata"].get("tags", []))
    return {node.target.id for node in ast.parse("".join(cell["source"])).body if isinstance(node, ast.AnnAssign)}


@pytest.mark.parametrize("step", STEPS)
def test_imports_nothing_of_notemill(step):
    nodes = [node for tree in code_of(step) for node in ast.walk(tree)]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= {*sys.stdlib_module_names, *{
        "matplotlib", "mlflow", "numpy", "pandas", "skops", "sklearn", "yaml"}}


@pytest.mark.parametrize("step", STEPS)
def test_outputs_are_stripped(step):
    checked = subprocess.run([sys.executable, "-m", "nbstripout", "--verify", str(NOTEBOOKS / f"{step}.ipynb")],
                             capture_output=True, text=True)
    if "No module named" in checked.stderr:
        pytest.skip("nbstripout is not installed here")
    assert checked.returncode == 0, checked.stdout
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in read_cells(step))


@pytest.mark.parametrize("step", STEPS)
def test_begins_with_its_title_and_purpose(step):
    title, purpose = "".join(read_cells(step)[0]["source"]).splitlines()[:2]
    assert title.startswith("# ") and purpose.strip().endswith(".")


@pytest.mark.parametrize("step", STEPS)
def test_pipeline_gives_what_the_notebook_declares(step):
    pipeline = yaml.safe_load((NOTEBOOKS / "pipeline.yaml").read_text(encoding="utf-8"))
    entry = pipeline["steps"][step]
    given = {*entry["inputs"], *entry.get("params", {}), *entry["outputs"]}
    assert given <= declared(step)
    assert (NOTEBOOKS / entry["notebook"]).is_file()


def test_contract_holds_on_the_real_table():
    from sklearn.datasets import load_breast_cancer
    table = load_breast_cancer(as_frame=True).frame
    contract = yaml.safe_load((NOTEBOOKS / "contract.yaml").read_text(encoding="utf-8"))
    assert set(contract["columns"]) == set(table.columns)
    for name, rules in contract["columns"].items():
        if name == "target":
            assert set(table[name]) == set(rules["categories"])
        else:
            assert rules["range"][0] <= table[name].min() and table[name].max() <= rules["range"][1], name
            assert rules["description"]
