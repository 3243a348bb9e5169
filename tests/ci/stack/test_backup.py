"""What is taken for a backup, and what is not; the way there and back with real parts is in test_real.py."""

import io
import json
import tarfile

import pytest

from notemill.ci.stack import backup
from notemill.ci.stack import settings as own
from notemill.errors import UsageError


@pytest.fixture
def settings():
    return own.new(None, 7300, "172.30.73.0/24", "172.30.73.1", True)


def packed(tmp_path, settings, *names, cut=None):
    """A backup with these files in it."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        with tarfile.open(fileobj=io.BytesIO(backup.small_files(settings))) as small:
            *first, end = small
            for member in first:
                archive.addfile(member, small.extractfile(member))
            for name in names:
                entry = tarfile.TarInfo(name)
                entry.size = 4096
                archive.addfile(entry, io.BytesIO(b"x" * 4096))
            at = archive.offset
            archive.addfile(end, small.extractfile(end))
    file = tmp_path / "b.tar"
    file.write_bytes(whole.getvalue()[:at - cut] if cut is not None else whole.getvalue())
    return file


def test_a_whole_one_gives_the_settings(tmp_path, settings):
    assert backup.check(packed(tmp_path, settings, "volumes/gitea/a", "volumes/drone/b/c")) == settings


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "volumes/../x", "volumes/other/x", "x",
                                  "volumes/gitea/../../x"])
def test_one_that_would_write_elsewhere_is_refused(tmp_path, settings, name):
    with pytest.raises(UsageError, match="it is no backup"):
        backup.check(packed(tmp_path, settings, name))


@pytest.mark.parametrize("cut", [0, 100, 512, 4096 + 512])
def test_one_that_was_cut_off_is_refused(tmp_path, settings, cut):
    """0 and the last: between two files, where no reader of archives would notice."""
    with pytest.raises(UsageError, match="no whole backup"):
        backup.check(packed(tmp_path, settings, "volumes/gitea/a", cut=cut))


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 10240])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UsageError, match="backup of a stack"):
        backup.check(tmp_path / "x")


def test_one_of_another_format_is_refused(tmp_path, settings, monkeypatch):
    monkeypatch.setattr(backup, "FORMAT", 99)
    file = packed(tmp_path, settings)
    monkeypatch.undo()
    with pytest.raises(UsageError, match="another version"):
        backup.check(file)


def test_a_backup_writes_over_nothing(tmp_path):
    (tmp_path / "b.tar").write_text("kept")
    with pytest.raises(UsageError, match="is there already"):
        backup.backup(None, tmp_path / "b.tar")
    with pytest.raises(UsageError, match="folder is not there"):
        backup.backup(None, tmp_path / "no" / "b.tar")


def test_nothing_is_restored_over_a_stack(tmp_path, settings):
    environ = {"XDG_DATA_HOME": str(tmp_path)}
    own.write(settings, environ)
    with pytest.raises(UsageError, match="this user has a stack"):
        backup.restore(None, packed(tmp_path, settings), environ)


def test_the_small_files_hold_no_more_than_they_should(settings):
    with tarfile.open(fileobj=io.BytesIO(backup.small_files(settings))) as archive:
        facts = json.loads(archive.extractfile(backup.FACTS).read())
    assert not [secret for secret in own.hidden(settings) if secret in str(facts)]
    assert facts["images"]["gitea"] == "notemill/gitea:1.26.0"
