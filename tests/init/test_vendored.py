"""How a project asks for notemill: it brings a wheel along; none where an index has the version."""

from notemill import distribution
from notemill.init import vendored


def test_a_project_brings_the_wheel_that_it_asks_for(monkeypatch):
    monkeypatch.setattr(distribution, "index_version", lambda: None)
    name, content = distribution.local_wheel()
    needs, files = vendored.requirement()
    assert files == {f"wheels/{name}": content}
    assert name == f"notemill-{needs.removeprefix('notemill==')}-py3-none-any.whl"


def test_an_index_is_asked_where_it_came_from_one(monkeypatch):
    monkeypatch.setattr(distribution, "index_version", lambda: "0.1.0")
    assert vendored.requirement() == ("notemill==0.1.0", {})
