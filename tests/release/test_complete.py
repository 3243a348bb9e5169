"""The package is tried before it is registered: in a process of its own, with a limit."""

import sys

from notemill.release import complete


def test_a_command_that_fails_says_why(tmp_path, monkeypatch):
    def failure(code):
        return complete.failure_of([sys.executable, "-c", code], str(tmp_path))

    assert failure("open('x', 'w').write('1')") is None and (tmp_path / "x").exists()
    assert failure("raise ValueError('no model')") == "ValueError: no model"
    assert failure("import os; os._exit(3)") == "exit code 3"
    monkeypatch.setattr(complete, "PATIENCE", 0.5)
    assert failure("import time; time.sleep(60)") == "no answer within 0.5 s"


def test_it_sees_no_key(tmp_path, monkeypatch):
    monkeypatch.setenv("NOTEMILL_SIGNING_KEY", "signing.pem")
    monkeypatch.setenv("NOTEMILL_SIGNING_PASSWORD", "open-sesame")
    code = "import os; assert not [name for name in os.environ if name.startswith('NOTEMILL_SIGNING')]"
    assert complete.failure_of([sys.executable, "-c", code], str(tmp_path)) is None
