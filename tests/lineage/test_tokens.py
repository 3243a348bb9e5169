"""A token in the place of an address's user name reaches no log, record, page or store."""

import http.server
import subprocess
import threading

import pytest
from tiny import cli_process, make_project, notebook

TOKEN = "tok3n-of-a-robot"


@pytest.fixture
def host():
    """Serves a table to whoever asks, and looks like an MLflow server until it is sent something."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def do_POST(self):
            self.send_response(500)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield f"{TOKEN}@127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def holders(root) -> list[str]:
    return [str(path) for path in root.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()
            and path.name != "pipeline.yaml" and ".git" not in path.parts]


def test_of_inputs_and_of_the_tracking_server(tmp_path, host):
    cells = notebook("print(f'I know {table}', 'tok3n-' + 'of-a-robot')", parameters="table = ''")
    project = make_project(tmp_path, steps={"one": {"notebook": "one.ipynb"}}, notebooks={"one.ipynb": cells})
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qm", "1"]):
        subprocess.run(["git", "-C", str(project), *words], check=True)
    make_project(project, steps={"one": {"notebook": "one.ipynb", "inputs": {"table": f"http://{host}/data.json"}}})
    sent = cli_process("run", project=project)
    assert sent.code == 0, sent
    refused = cli_process("run", "--force", project=project, MLFLOW_TRACKING_URI=f"http://{host}",
                          MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert refused.code == 0 and "MLflow" in refused.out, refused
    looked = cli_process("lineage", "99990101-000000-0000", project=project, MLFLOW_TRACKING_URI=f"http://{host}",
                         MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert looked.code == 1 and "***@127.0.0.1" in looked.err, looked
    for told in (sent, refused, looked):
        assert TOKEN not in told.out + told.err
    assert (project / "mlartifacts").is_dir() and holders(project) == []
