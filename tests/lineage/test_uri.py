from pathlib import Path

import pytest

from notemill import lineage
from notemill.errors import UsageError
from notemill.lineage.uri import artifact_root, embedded_path, told


def test_the_default_is_a_database_in_the_project(tmp_path):
    assert lineage.tracking_uri(tmp_path, {}) == f"sqlite:///{tmp_path}/mlflow.db"
    assert lineage.tracking_uri(tmp_path, {"MLFLOW_TRACKING_URI": "  "}) == f"sqlite:///{tmp_path}/mlflow.db"


def test_the_environment_is_respected(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lineage.tracking_uri(Path("/x"), {"MLFLOW_TRACKING_URI": "http://a:1"}) == "http://a:1"
    assert lineage.tracking_uri(Path("/x"), {"MLFLOW_TRACKING_URI": "sqlite:///a.db"}) == f"sqlite:///{tmp_path}/a.db"
    assert lineage.tracking_uri(Path("/x"), {"MLFLOW_TRACKING_URI": "sqlite:////b/a.db"}) == "sqlite:////b/a.db"


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(uri):
    with pytest.raises(UsageError, match="names no file"):
        embedded_path(uri)


def test_passwords_are_not_shown():
    assert lineage.shown_uri("postgresql://me:s3cret@db/x") == "postgresql://me:***@db/x"  # pragma: allowlist secret
    assert lineage.shown_uri("http://a:5000") == "http://a:5000"
    assert lineage.shown_uri("mysql://me:s3/c@db/x") == "mysql://me:***@db/x"  # pragma: allowlist secret


@pytest.mark.parametrize("uri, shown", [
    ("https://abcdefgh@host/x@y", "https://***@host/x@y"), ("https://abcdefgh:@host", "https://***:***@host"),
    ("https://ghp_0123456789abcdefghij:x-oauth-basic@host", "https://***:***@host"),  # pragma: allowlist secret
    ("https://me:pw@host", "https://me:***@host"),  # pragma: allowlist secret
    ("postgresql://me@db/x", "postgresql://me@db/x"),
    ("postgresql://db/x?user=me&sslpassword=pw1&x=1", "postgresql://db/x?user=me&sslpassword=***&x=1"),
    ("http://[::1", "http://[::1"), ("http://tokentoken@[::1", "http://***@[::1"),
    ("http://mlflow@host", "http://mlflow@host"), ("databricks", "databricks")])
def test_nor_is_a_token_in_the_place_of_the_name(uri, shown):
    assert lineage.shown_uri(uri) == shown
    assert told(ValueError(f"request to {uri}/api failed\nmore"), uri) == f"request to {shown}/api failed"


def test_artifacts_are_beside_an_embedded_database_and_a_servers_own_business(tmp_path):
    assert artifact_root("sqlite:////a/mlflow.db", tmp_path) == "/a/mlartifacts"
    assert artifact_root("postgresql://db/x", tmp_path) == f"{tmp_path}/mlartifacts"
    assert artifact_root("https://mlflow.example", tmp_path) is None


def test_the_command_that_opens_mlflow(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("/venv/bin")
    assert lineage.open_command(f"sqlite:///{tmp_path}/mlflow.db", folder) == \
        "/venv/bin/mlflow ui --host 127.0.0.1 --backend-store-uri sqlite:///mlflow.db"
    assert lineage.open_command("sqlite:////other/a b.db", folder).endswith("'sqlite:////other/a b.db'")
    assert lineage.open_command("http://me:pw@host", folder) == "http://me:***@host"  # pragma: allowlist secret
    uri = "postgresql://me:pw@host/db"  # pragma: allowlist secret
    assert lineage.open_command(uri, folder).endswith("'postgresql://me:***@host/db'")
