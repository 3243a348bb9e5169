"""Which values are taken out, though nobody called them secrets."""

import pytest
from tiny import make_project

from notemill.project import open_project
from notemill.run.redaction import redactor_for


def redactor(root, inputs=None, **environ):
    steps = {"one": {"notebook": "one.ipynb", "inputs": inputs or {}}}
    return redactor_for(open_project(make_project(root, steps=steps, notebooks={"one.ipynb": ["1"]}), environ))


@pytest.mark.parametrize("text", ["pw-of-server", "pw%2Dof%2Dserver"])
def test_the_password_of_mlflows_address(tmp_path, text):
    found = redactor(tmp_path, MLFLOW_TRACKING_URI=f"https://me:{text}@mlflow.example:5000")
    assert found.text("no pw-of-server at mlflow.example") == "no ****** at mlflow.example"


def test_what_addresses_of_tables_hold(tmp_path):
    found = redactor(tmp_path, {"data": "https://me:hush-hush@host/a.csv?page=12&token=abcdefgh12&sig=x%2By%2Bz%2Bsig"})
    assert found.text("hush-hush abcdefgh12 x+y+z+sig x%2By%2Bz%2Bsig page 12 me host") == \
        "****** ****** ****** ****** page 12 me host"


def test_a_databases_address_and_its_password(tmp_path):
    sql = {"rows": {"sql": "DATABASE", "query": "select 1"}}
    found = redactor(tmp_path, sql, DATABASE="postgresql://me:p%40ssword@db/x")
    texts = "p@ssword, p%40ssword, postgresql://me:p%40ssword@db/x"  # pragma: allowlist secret
    assert found.text(texts) == "******, ******, ******"
    assert redactor(tmp_path, sql).text("DATABASE") == "DATABASE"


def test_short_ones_are_passed_over(tmp_path):
    inputs = {"data": "https://me:abc@host/a.csv?token=abc", "rows": {"sql": "DATABASE", "query": "select 1"}}
    found = redactor(tmp_path, inputs, MLFLOW_TRACKING_URI="http://me:pw@h", DATABASE="abc",  # pragma: allowlist secret
                     MLFLOW_TRACKING_TOKEN="xyz")
    assert found.names == () and found.text("abc pw xyz") == "abc pw xyz"


def test_an_address_that_is_none(tmp_path):
    assert redactor(tmp_path, MLFLOW_TRACKING_URI="http://[no").names == ()
