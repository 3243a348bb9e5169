"""The signature in .drone.yml: one, at the end, over what Drone hashes."""

import pytest

from notemill.ci.connect import drone_file
from notemill.errors import NotemillError, UsageError

PLAIN = "# words\nkind: pipeline\nname: check\n\nsteps: []\n"
MARK = "a" * 64


def signed(text, mark=MARK):
    return f"{text}---\nkind: signature\nhmac: {mark}\n\n...\n"


def sign(path, mark=MARK):
    seen = []
    changed = drone_file.sign(path, lambda text: seen.append(text) or mark)
    return changed, seen[0]


@pytest.mark.parametrize("before", [
    PLAIN, signed(PLAIN, "b" * 64), signed(signed(PLAIN, "b" * 64).removesuffix("\n...\n"), "c" * 64),
    PLAIN + "\n\n", PLAIN.removesuffix("\n")], ids=["unsigned", "signed", "twice", "blank lines", "no newline"])
def test_one_signature_stands_at_the_end(tmp_path, before):
    path = tmp_path / ".drone.yml"
    path.write_text(before)
    changed, seen = sign(path)
    assert changed and seen == PLAIN and path.read_text() == signed(PLAIN)
    assert sign(path) == (False, PLAIN) and path.read_text() == signed(PLAIN)


def test_a_signature_before_the_pipelines_is_taken_away(tmp_path):
    path = tmp_path / ".drone.yml"
    path.write_text(f"kind: signature\nhmac: {'b' * 64}\n---\n{PLAIN}--- # more\nkind: pipeline\nname: two\n")
    body = f"---\n{PLAIN}--- # more\nkind: pipeline\nname: two\n"
    assert sign(path) == (True, body) and path.read_text() == signed(body)
    assert sign(path) == (False, body)


def test_another_text_has_another_signature(tmp_path):
    path = tmp_path / ".drone.yml"
    path.write_text(PLAIN)
    path.chmod(0o640)
    assert sign(path)[0] and sign(path, "d" * 64)[0]
    assert path.read_text() == signed(PLAIN, "d" * 64) and path.stat().st_mode & 0o777 == 0o640


def test_windows_line_ends_are_none_as_drone_reads_none(tmp_path):
    path = tmp_path / ".drone.yml"
    path.write_bytes(PLAIN.replace("\n", "\r\n").encode())
    assert sign(path) == (True, PLAIN)


@pytest.mark.parametrize(("content", "words"), [
    (b"a: [1\n", "is no YAML"), (b"", "is empty"), (signed("").encode(), "is empty"), (b"\xff", "is not UTF-8"),
    ((PLAIN + "...\nkind: pipeline\n").encode(), "stands behind the line '...'")])
def test_a_file_that_drone_could_not_read_is_told_and_left(tmp_path, content, words):
    path = tmp_path / ".drone.yml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        sign(path)
    assert path.read_bytes() == content


def test_a_file_that_is_not_there_is_told_with_the_way_to_one(tmp_path):
    with pytest.raises(UsageError, match="notemill init"):
        sign(tmp_path / ".drone.yml")


def test_what_is_no_signature_is_not_written(tmp_path):
    path = tmp_path / ".drone.yml"
    path.write_text(PLAIN)
    with pytest.raises(NotemillError, match="no signature"):
        sign(path, "x\n---\nkind: pipeline")
    assert path.read_text() == PLAIN
