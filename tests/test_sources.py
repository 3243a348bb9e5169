"""Outside data of every kind, from real servers and databases on this machine."""

import base64
import errno
import hashlib
import http.server
import json
import sqlite3
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path

import pytest

from notemill import sources
from notemill.errors import NotemillError, UsageError
from notemill.sources import FileSource, GlobSource, HttpSource, SklearnSource, SqlSource, parse
from notemill.sources.http import file_name
from notemill.sources.kinds import BUNDLED, DOWNLOADED
from notemill.store import Store

WHERE = "notebooks/pipeline.yaml:7: step 'prepare': inputs.source"
TABLE = b"a,b\n1,2\n3,4\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("one", "two"):
        (tmp_path / "data" / f"{name}.csv").write_bytes(TABLE + name.encode())
    return tmp_path


@pytest.fixture
def get(project):
    """Fetch a source in the project: Fetched, with the store at `get.store` and what was said at `get.said`."""
    store, said = Store(project / ".notemill"), []

    def fetch(value, offline=False, environ=None):
        return sources.fetch(parse(value, WHERE), store, project=project, environ=environ or {}, offline=offline,
                             memory=project / ".notemill" / "memory", say=said.append)

    fetch.store, fetch.said = store, said
    return fetch


def refused(action, *args, kind=NotemillError, **named):
    with pytest.raises(kind) as caught:
        action(*args, **named)
    assert caught.value.where == WHERE
    return caught.value


# What the text means

@pytest.mark.parametrize("value, source", [
    ("data/in.csv", FileSource("data/in.csv")), ("/data/x.parquet", FileSource("/data/x.parquet")),
    ("../shared/x.csv", FileSource("../shared/x.csv")), ("a b: c.csv", FileSource("a b: c.csv")),
    ("data/*.csv", GlobSource("data/*.csv")), ("data/**/y?.csv", GlobSource("data/**/y?.csv")),
    ("sklearn:iris", SklearnSource("iris")), ("sklearn:california_housing", SklearnSource("california_housing")),
    ("http://host/a.csv", HttpSource("http://host/a.csv")), ("https://host:8080", HttpSource("https://host:8080")),
    ({"sql": "DB_URL", "query": "select 1"}, SqlSource("DB_URL", "select 1")),
])
def test_each_kind_is_told_by_its_text(value, source):
    assert parse(value, WHERE) == source
    record = json.loads(json.dumps(source.as_record()))
    assert type(source).__name__.lower().startswith(record.pop("kind")) and record
    assert str(source) == value if isinstance(value, str) else str(source) == "sql:DB_URL: select 1"


@pytest.mark.parametrize("value, got, hint", [
    ("sklearn:irsi", "has no table 'irsi'", "did you mean 'sklearn:iris'?"),
    ("sklearn:load_iris", "has no table 'load_iris'", "did you mean 'sklearn:iris'?"),
    ("sklaern:iris", "unknown kind of source 'sklaern:'", "did you mean 'sklearn:iris'?"),
    ("htp://host/a.csv", "unknown kind of address 'htp://'", "did you mean 'http://'?"),
    ("s3://bucket/a.csv", "unknown kind of address 's3://'", None), ("file:///etc/passwd", "'file://'", None),
    ("http:///a.csv", "is not a valid address", None), ("http://h:99999/a", "is not a valid address", None),
    ("http://host/a b.csv", "is not a valid address", None), ("", "an empty text", None), (None, "nothing", None),
    (7, "got 7", None), (["a.csv"], "a list", None),
    ({"sql": "DB", "qeury": "select 1"}, "unknown key 'qeury'", "did you mean 'query'?"),
    ({"sql": "DB"}, "the key 'query' is missing", None), ({"sql": "DB", "query": 3}, "'query' is not a text", None),
])
def test_what_means_nothing_is_refused_with_the_remedy(value, got, hint):
    error = refused(parse, value, WHERE, kind=UsageError)
    assert got in error.got and error.hint == hint
    assert error.allowed or "address" in error.got


def test_an_address_in_place_of_a_variable_is_not_shown():
    error = refused(parse, {"sql": "postgresql://me:hunter2@host/db", "query": "select 1"}, WHERE, kind=UsageError)
    assert "hunter2" not in str(error) and "environment variable" in str(error)


def test_the_names_of_sklearns_tables_are_those_of_the_installed_version():
    from sklearn import datasets
    tables = {name.removeprefix("load_") for name in dir(datasets) if name.startswith("load_")}
    assert set(BUNDLED) == tables - {"files", "sample_image", "sample_images", "svmlight_file", "svmlight_files"}
    assert all(hasattr(datasets, f"fetch_{name}") for name in DOWNLOADED)


def test_credentials_in_addresses_are_never_shown():
    source = parse("https://me:hunter2@host:81/a.csv?token=s3cr3t&x=1&bare#frag", WHERE)
    assert str(source) == "https://host:81/a.csv?token=******&x=******&******"
    assert not {"hunter2", "s3cr3t", "me:"} & set(f"{source!r} {source} {source.as_record()}".split())
    assert "hunter2" not in repr(source) and "s3cr3t" not in json.dumps(source.as_record())


def test_nothing_heavy_is_imported():
    code = "import sys, notemill.sources; print([m for m in sys.modules if m.split('.')[0] in " \
           "('pandas', 'sklearn', 'sqlalchemy', 'requests', 'pyarrow', 'numpy') or m == 'urllib.request'])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


# Files

def test_a_file_is_kept_by_content(get, project):
    fetched = get("data/one.csv")
    digest = hashlib.sha256(TABLE + b"one").hexdigest()
    assert fetched.files == (("data/one.csv", digest, 15),) and not fetched.many
    assert fetched.as_record() == {"file": "one.csv", "sha256": digest, "bytes": 15}
    assert get.store.read_bytes(digest) == TABLE + b"one"


def test_a_file_outside_the_project(get, project, tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "x.csv"
    path.write_bytes(b"x")
    assert get(str(path)).files[0][0] == str(path)


def test_a_file_that_may_not_be_read(get, monkeypatch):
    def forbidden(path):
        raise PermissionError(13, "no")

    monkeypatch.setattr(get.store, "add_file", forbidden)
    monkeypatch.setattr(get.store, "digest", forbidden)
    assert "data/one.csv may not be read" in refused(get, "data/one.csv", kind=UsageError).got


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_store_that_cannot_be_written_is_no_hindrance_to_a_plan(get, monkeypatch, code):
    def read_only(path):
        raise OSError(code, "read-only", str(get.store.objects))

    monkeypatch.setattr(get.store, "add_file", read_only)
    assert get("data/one.csv").files == (("data/one.csv", hashlib.sha256(TABLE + b"one").hexdigest(), 15),)


def test_outside_data_of_a_project_that_cannot_be_written(get, server, monkeypatch):
    """What cannot be kept is fetched aside: a plan needs no more than its digest."""
    add = Store.incoming

    def incoming(store):
        if store.root == get.store.root:
            raise OSError(errno.EROFS, "read-only")
        return add(store)

    monkeypatch.setattr(Store, "incoming", incoming)
    server.pages["/in.csv"] = (200, {}, TABLE)
    assert get(f"{server.url}/in.csv").files[0][1] == hashlib.sha256(TABLE).hexdigest()
    assert get("sklearn:iris").files[0][2] > 1000
    assert not get.store.objects.exists()


def test_a_full_disk_is_told(get, monkeypatch):
    def full(path):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(get.store, "add_file", full)
    with pytest.raises(OSError, match="full"):
        get("data/one.csv")


@pytest.mark.parametrize("name, hint", [
    ("data/oen.csv", "did you mean 'one.csv'?"), ("dat/one.csv", "did you mean 'data'?"),
    ("data", "did you mean 'data/*'?"), ("data/zzz", None)])
def test_a_missing_file_and_the_nearest(get, name, hint):
    error = refused(get, name, kind=UsageError)
    assert f"'{name}'" in error.got and error.hint == hint


def test_a_pattern_gives_all_files_in_order(get, project):
    (project / "data" / "folder.csv").mkdir()
    fetched = get("data/*.csv")
    assert [name for name, _, _ in fetched.files] == ["data/one.csv", "data/two.csv"] and fetched.many
    assert fetched.as_record()["files"][1]["sha256"] == hashlib.sha256(TABLE + b"two").hexdigest()


@pytest.mark.parametrize("pattern, hint", [("data/*.parquet", None), ("dta/*.csv", "did you mean 'data'?")])
def test_a_pattern_without_a_match(get, pattern, hint):
    error = refused(get, pattern, kind=UsageError)
    assert error.got == f"no file matches '{pattern}'" and error.hint == hint


# scikit-learn

@pytest.mark.parametrize("name", BUNDLED)
def test_sklearns_tables_become_parquet(get, name):
    import pandas as pd
    fetched = get(f"sklearn:{name}")
    frame = pd.read_parquet(get.store.path(fetched.files[0][1]))
    assert fetched.files[0][0] == f"{name}.parquet" and len(frame) >= 20
    assert ("target" in frame) is (name != "linnerud")
    from notemill.sources.tables import _load, parquet_bytes
    assert get.store.read_bytes(fetched.files[0][1]) == parquet_bytes(_load(parse(f"sklearn:{name}", WHERE)))


def test_the_second_time_nothing_is_imported(project, get):
    get("sklearn:wine", offline=True)
    code = f"""if True:
        import sys; from pathlib import Path; from notemill import sources; from notemill.store import Store
        root = Path({str(project)!r})
        f = sources.fetch(sources.parse("sklearn:wine", "x"), Store(root / ".notemill"), project=root, environ={{}},
                          offline=False, memory=root / ".notemill" / "memory")
        print(f.files[0][0], [m for m in ("pandas", "sklearn", "pyarrow", "numpy") if m in sys.modules])"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "wine.parquet []"


def test_another_version_of_sklearn_is_loaded_anew(get, monkeypatch):
    first = get("sklearn:wine")
    loaded = []
    from notemill.sources import tables
    monkeypatch.setattr(tables, "_load", lambda source, load=tables._load: loaded.append(source) or load(source))
    get("sklearn:wine")
    assert loaded == []
    monkeypatch.setattr(metadata, "version", lambda name: "99.0")
    assert get("sklearn:wine").files == first.files and len(loaded) == 1


def test_sklearn_may_be_absent(get, monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    assert refused(get, "sklearn:wine", kind=UsageError).hint == "pip install scikit-learn"


def test_a_table_from_the_network_that_cannot_be_had(get, monkeypatch):
    from sklearn import datasets
    from urllib.error import URLError

    def no_network(as_frame):
        raise URLError("no network")

    monkeypatch.setattr(datasets, "fetch_california_housing", no_network)
    error = refused(get, "sklearn:california_housing")
    assert "sklearn:california_housing cannot be fetched: no network" in error.got and "wine" in error.hint
    assert "--offline" in str(refused(get, "sklearn:california_housing", offline=True, kind=UsageError))


# http

class Handler(http.server.BaseHTTPRequestHandler):
    """Serves what `server.pages` says: path -> (status, headers, content)."""

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        status, headers, content = self.server.pages[self.path.partition("?")[0]]
        etag = headers.get("ETag")
        if etag and self.headers.get("If-None-Match") == etag:
            status, content = 304, b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers and status != 304:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.pages, running.seen, running.url = {}, [], f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_an_address_is_fetched_once_while_its_etag_stays(get, server):
    server.pages["/d/in.csv"] = (200, {"ETag": '"v1"'}, TABLE)
    first, second = get(f"{server.url}/d/in.csv?k=v"), get(f"{server.url}/d/in.csv?k=v")
    assert first.files == second.files == (("in.csv", hashlib.sha256(TABLE).hexdigest(), len(TABLE)),)
    assert [headers.get("If-None-Match") for _, headers in server.seen] == [None, '"v1"']
    assert get.said == [f"in.csv: 12 B from {server.url}/d/in.csv?k=******"]
    server.pages["/d/in.csv"] = (200, {"ETag": '"v2"'}, b"new")
    assert get.store.read_bytes(get(f"{server.url}/d/in.csv?k=v").files[0][1]) == b"new"


def test_last_modified_is_asked_for_too(get, server):
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    server.pages["/in.csv"] = (200, {"Last-Modified": date}, TABLE)
    for _ in range(2):
        get(f"{server.url}/in.csv")
    assert server.seen[1][1]["If-Modified-Since"] == date


def test_content_that_left_the_store_is_fetched_again(get, server):
    server.pages["/in.csv"] = (200, {"ETag": '"v1"'}, TABLE)
    sha256 = get(f"{server.url}/in.csv").files[0][1]
    get.store.path(sha256).unlink()
    assert get.store.read_bytes(get(f"{server.url}/in.csv").files[0][1]) == TABLE
    assert "If-None-Match" not in server.seen[1][1]


def test_offline_uses_what_is_kept(get, server):
    url = f"{server.url}/in.csv?token=s3cr3t"
    error = refused(get, url, offline=True, kind=UsageError)
    assert "is not kept here" in error.got and "s3cr3t" not in str(error) and server.seen == []
    server.pages["/in.csv"] = (200, {}, TABLE)
    assert get(url).files == get(url, offline=True).files and len(server.seen) == 1


@pytest.mark.parametrize("headers, content", [
    ({"Content-Length": "1000"}, TABLE), ({"Transfer-Encoding": "chunked", "Content-Length": "5000"}, b"ff\r\nab")])
def test_a_download_that_breaks_off_leaves_nothing(get, server, monkeypatch, headers, content):
    monkeypatch.setattr(Handler, "protocol_version", "HTTP/1.1")
    server.pages["/in.csv"] = (200, headers | {"Connection": "close"}, content)
    error = refused(get, f"{server.url}/in.csv?token=s3cr3t")
    assert "the download broke off" in error.got and "s3cr3t" not in str(error) and error.exit_code == 1
    assert [path for path in get.store.objects.rglob("*") if path.is_file()] == []
    assert refused(get, f"{server.url}/in.csv?token=s3cr3t", offline=True)


@pytest.mark.parametrize("status, hint", [(404, None), (401, "USER:PASSWORD"), (503, "later"), (429, "later")])
def test_what_the_server_refuses(get, server, status, hint):
    server.pages["/in.csv"] = (status, {}, b"no")
    error = refused(get, f"{server.url.replace('//', '//me:hunter2@')}/in.csv?token=s3cr3t")
    assert error.exit_code == 1 and f"the server says {status}" in error.got and (hint or "") in (error.hint or "")
    assert "s3cr3t" not in str(error) and "hunter2" not in str(error)


def test_a_server_that_is_not_there(get, server):
    url = f"{server.url}/in.csv"
    server.pages["/in.csv"] = (200, {}, TABLE)
    get(url)
    dead = url.replace(str(server.server_port), "1")
    error = refused(get, dead + "?token=s3cr3t")
    assert "cannot be reached (Connection refused)" in error.got and error.hint is None and "s3cr3t" not in str(error)
    server.pages["/in.csv"] = (500, {}, b"")
    assert "500" in refused(get, url).got


def test_a_server_that_died_since_leaves_the_way_offline(get):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.pages, server.seen = {"/in.csv": (200, {}, TABLE)}, []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/in.csv"
        get(url)
        server.shutdown()
        thread.join()
    assert "--offline" in refused(get, url).hint
    assert get(url, offline=True).files


@pytest.mark.parametrize("host", ["a..b", "ä" * 80])
def test_a_host_that_cannot_be(get, host):
    assert "cannot be" in refused(get, f"http://{host}/in.csv").got


def test_a_server_that_says_nothing(get, server, monkeypatch):
    monkeypatch.setattr("notemill.sources.http.TIMEOUT", 0.2)
    release = threading.Event()
    monkeypatch.setattr(Handler, "do_GET", lambda self: release.wait(5))
    try:
        assert "no answer for 0 seconds" in refused(get, f"{server.url}/in.csv").got
    finally:
        release.set()


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://host/x", "FILE:///etc/passwd", "data:text/plain,x"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_way_leads_to_other_kinds_of_address(get, server, target, status):
    server.pages["/in.csv"] = (status, {"Location": target}, b"")
    error = refused(get, f"{server.url}/in.csv")
    assert error.exit_code == 1 and f"leads on to a {target.partition(':')[0].lower()}: address" in error.got


def test_a_way_that_leads_on(get, server):
    server.pages |= {"/a": (302, {"Location": "/b.csv?signature=s3cr3t"}, b""), "/b.csv": (200, {}, TABLE)}
    assert get(f"{server.url}/a").files[0][1] == hashlib.sha256(TABLE).hexdigest()
    server.pages["/a"] = (302, {"Location": "/a"}, b"")
    error = refused(get, f"{server.url}/a")
    assert "s3cr3t" not in str(error) and "302" in error.got


def test_credentials_go_to_their_own_server_alone(get, server):
    address = server.url.replace("//", "//me:p%40ss@")
    server.pages |= {"/a": (302, {"Location": "/b.csv"}, b""), "/b.csv": (200, {}, TABLE),
                     "/c": (302, {"Location": f"{server.url.replace('127.0.0.1', 'localhost')}/b.csv"}, b"")}
    get(f"{address}/a")
    wanted = "Basic " + base64.b64encode(b"me:p@ss").decode()
    assert [headers.get("Authorization") for _, headers in server.seen] == [wanted, wanted]
    server.seen.clear()
    get(f"{address}/c")
    assert [headers.get("Authorization") for _, headers in server.seen] == [wanted, None]


def test_no_file_holds_the_credentials(get, server, project):
    server.pages["/in.csv"] = (200, {"ETag": '"v"'}, TABLE)
    get(f"{server.url.replace('//', '//me:hunter2@')}/in.csv?token=s3cr3t")
    written = b"".join(path.read_bytes() for path in (project / ".notemill").rglob("*") if path.is_file())
    assert b"hunter2" not in written and b"s3cr3t" not in written and b"in.csv" in written


@pytest.mark.parametrize("url, name", [
    ("http://h/a/in.csv?x=1", "in.csv"), ("http://h/d%C3%A4ta.csv.gz", "däta.csv.gz"), ("http://h", "download"),
    ("http://h/a%2F..%2Fb%00c.csv", "b_c.csv"), ("http://h/a/", "a"), ("http://h/.hidden", "hidden")])
def test_the_name_keeps_its_suffix_and_is_safe(url, name):
    assert file_name(url) == name


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's peak memory")
def test_a_large_download_takes_little_memory(server, project, monkeypatch):
    block = b"x" * 1_000_000

    def serve(self):
        self.send_response(200)
        self.send_header("Content-Length", str(300 * len(block)))
        self.end_headers()
        for _ in range(300):
            self.wfile.write(block)

    monkeypatch.setattr(Handler, "do_GET", serve)
    code = f"""if True:
        from pathlib import Path; from notemill import sources; from notemill.store import Store
        root = Path({str(project)!r})
        f = sources.fetch(sources.parse("{server.url}/big.bin", "x"), Store(root / ".notemill"), project=root,
                          environ={{}}, offline=False, memory=root / ".notemill" / "memory")
        peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
        print(f.files[0][2], int(peak.split()[1]) // 1000)"""
    size, megabytes = map(int, subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert size == 300_000_000 and megabytes < 80


# Databases

@pytest.fixture
def database(project):
    path = project / "shop.db"
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("create table sale (id integer, day text, price real, note text, big integer)")
        connection.executemany("insert into sale values (?, ?, ?, ?, ?)",
                               [(i, "2024-01-01", None if i < 3 else i / 2, f"n{i}", 2**60 + i) for i in range(5)])
    connection.close()
    return {"DB_URL": f"sqlite:///{path}"}


def frame_of(get, fetched):
    import pandas as pd
    return pd.read_parquet(get.store.path(fetched.files[0][1]), dtype_backend="numpy_nullable")


def query(text, variable="DB_URL"):
    return {"sql": variable, "query": text}


@pytest.mark.parametrize("chunk", [2, 1000])
def test_a_querys_rows_become_parquet(get, database, monkeypatch, chunk):
    monkeypatch.setattr("notemill.sources.tables.CHUNK", chunk)     # in the first chunk all prices are missing
    fetched = get(query("select * from sale order by id"), environ=database)
    frame = frame_of(get, fetched)
    assert list(frame.columns) == ["id", "day", "price", "note", "big"] and frame["big"].tolist()[4] == 2**60 + 4
    assert frame["price"].isna().tolist() == [True, True, True, False, False] and frame["price"][4] == 2.0
    assert fetched.files[0][0] == "query.parquet"
    assert get(query("select * from sale order by id"), environ=database).files == fetched.files


def test_signs_in_a_query_are_just_characters(get, database):
    text = "select ':x %s %(y)s ?' as a from sale where note like 'n%' limit 1"
    frame = frame_of(get, get(query(text), environ=database))
    assert frame["a"].tolist() == [":x %s %(y)s ?"]


def test_a_query_without_rows_and_one_without_a_table(get, database):
    assert list(frame_of(get, get(query("select id from sale where 0"), environ=database)).columns) == ["id"]
    assert "gives no rows" in refused(get, query("delete from sale"), environ=database).got
    assert len(frame_of(get, get(query("select * from sale"), environ=database))) == 5      # nothing was committed


@pytest.mark.parametrize("text, got", [
    ("select id, id from sale", "two columns named 'id'"),
    ("select 1 as a union all select 'x'", "column 'a' holds values of several types"),
    ("select * from sail", "no such table: sail"), ("selct 1", "syntax error")])
def test_queries_that_fail(get, database, text, got):
    error = refused(get, query(text), environ=database)
    assert got in error.got and database["DB_URL"] not in str(error)


def test_types_that_differ_between_chunks(get, database, monkeypatch):
    monkeypatch.setattr("notemill.sources.tables.CHUNK", 1)
    error = refused(get, query("select 1 as a union all select 'x'"), environ=database)
    assert "column 'a' holds values of several types" in error.got
    assert frame_of(get, get(query("select 1 as a union all select 2.5"), environ=database))["a"].tolist() == [1, 2.5]


@pytest.mark.parametrize("url, got", [
    (None, "DB_URL is not set"), ("", "DB_URL is not set"), ("no address hunter2", "failed"),
    ("nosuch://me:hunter2@host/db", "failed"),  # pragma: allowlist secret
    ("postgresql+nosuch://me:hunter2@host/db", "failed"),  # pragma: allowlist secret
    ("sqlite:////nowhere/hunter2.db", "there is no database file")])
def test_databases_that_cannot_be_reached(get, url, got):
    error = refused(get, query("select 1"), environ={} if url is None else {"DB_URL": url})
    assert got in error.got and "hunter2" not in str(error)


def test_a_driver_that_is_not_installed(get, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    error = refused(get, query("select 1"), environ={"DB_URL": "postgresql+psycopg2://me:hunter2@host/db"})
    assert "pip install psycopg2" in error.hint and "hunter2" not in str(error)


def test_a_password_in_a_databases_message_is_redacted():
    from notemill.sources.tables import _sql_error
    url = "postgresql://me:hunter2@host/db"  # pragma: allowlist secret
    error = _sql_error(parse(query("select 1"), WHERE), url, RuntimeError(f"no login with hunter2 at {url}\nmore"))
    assert "hunter2" not in str(error) and "no login with ******" in error.got and "more" not in error.got


def test_a_query_offline(get, database):
    value = query("select * from sale")
    assert "is not kept here" in refused(get, value, offline=True, kind=UsageError).got
    assert get(value, environ=database).files == get(value, offline=True).files


def test_values_that_arrow_does_not_know():
    import datetime
    import decimal
    import uuid

    from notemill.sources.tables import _array
    source, key = parse(query("x"), WHERE), uuid.UUID(int=7)
    assert _array(source, "a", (decimal.Decimal("1.5"), None)).to_pylist() == [1.5, None]
    assert _array(source, "a", (key, None)).to_pylist() == [str(key), None]
    assert _array(source, "a", (datetime.date(2024, 1, 2),)).to_pylist() == [datetime.date(2024, 1, 2)]
    assert "several types" in refused(_array, source, "a", (2**70, 1, "x")).got


def test_what_is_said_goes_to_standard_error(project, server, capsys):
    server.pages["/in.csv"] = (200, {}, TABLE)
    sources.fetch(parse(f"{server.url}/in.csv", WHERE), Store(project / "s"), project=project, environ={},
                  offline=False, memory=project / "m")
    out, err = capsys.readouterr()
    assert out == "" and "in.csv: 12 B" in err


def test_a_damaged_memory_costs_a_download_and_no_more(get, server, project):
    server.pages["/in.csv"] = (200, {"ETag": '"v"'}, TABLE)
    first = get(f"{server.url}/in.csv")
    for path in Path(project / ".notemill" / "memory").glob("http-*.json"):
        path.write_text("[")
    assert get(f"{server.url}/in.csv").files == first.files
