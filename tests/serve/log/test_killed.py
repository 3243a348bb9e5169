"""kill -9 at random moments: what was acknowledged is there, once."""

import pytest
from killing import judge, run_and_kill


@pytest.mark.parametrize(("kills", "writers"), [(3, 2), pytest.param(50, 4, marks=pytest.mark.slow)])
def test_every_acknowledged_row_is_there_exactly_once(tmp_path, kills, writers):
    acknowledged, left = run_and_kill(tmp_path / "log", kills, writers)
    assert len(acknowledged) > kills + writers and left
    facts = judge(tmp_path / "log", acknowledged)
    assert (facts["lost"], facts["twice"], facts["same"]) == (0, 0, True)
    assert facts["beside"] <= 5 * (kills + writers), "more than each killed writer's last append was not acknowledged"
