"""May the process that kernels are forked from outlive the run?"""

import pytest

from notemill.errors import UsageError
from notemill.warmth import keep_warm


@pytest.mark.parametrize(("environ", "at_terminal", "elsewhere"), [
    ({}, True, False), ({"CI": "true"}, False, False), ({"CI": "false"}, True, False), ({"CI": ""}, True, False),
    ({"NOTEMILL_WARM": "1", "CI": "1"}, True, True), ({"NOTEMILL_WARM": " Yes "}, True, True),
    ({"NOTEMILL_WARM": "0"}, False, False), ({"NOTEMILL_WARM": "false"}, False, False),
    ({"NOTEMILL_WARM": "OFF"}, False, False), ({"NOTEMILL_WARM": ""}, True, False)])
def test_who_asks_for_it(environ, at_terminal, elsewhere):
    assert keep_warm(environ, terminal=True) is at_terminal
    assert keep_warm(environ, terminal=False) is elsewhere


def test_what_is_neither_yes_nor_no_is_told():
    with pytest.raises(UsageError, match="NOTEMILL_WARM: got 'maybe'"):
        keep_warm({"NOTEMILL_WARM": "maybe"}, terminal=True)
