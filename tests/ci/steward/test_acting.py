"""What a merge is called."""

import re

import pytest

from notemill.ci.steward.acting import title
from notemill.ci.steward.facts import Pull


def skips(message):
    """As Drone 1.10.1 has it (trigger/skip.go)."""
    lower = message.lower()
    return any(words in lower for words in ("[ci skip]", "[skip ci]", "***no_ci***"))


@pytest.mark.parametrize("said", ["Fix [ci skip]", "Fix [SKIP CI]", "Fix ***NO_CI***", "*****no_ci*****", "[ci\tskip]",
                                  "***no\u200b_ci***", "**\u200b*no_ci***", "[[ci skip] ci skip]", "***No_Ci*** " * 20,
                                  "[s\u212aip ci]", "x" * 108 + "***no_ci***"])
def test_no_title_has_drone_skip_the_build(said):
    assert not skips(title(Pull(7, "a" * 40, "main", "eve", title=said)))


@pytest.mark.parametrize("said", ["Docs: two words", "a * b, and c*d", "no_ci is a word"])
def test_other_titles_stay_as_they_are(said):
    assert title(Pull(7, "a" * 40, "main", "ann", title=said)) == f"{said} (#7)"


def test_what_is_left_can_be_read():
    assert re.fullmatch(r"Fix \*NO_CI\* \(ci skip\) \(#7\)",
                        title(Pull(7, "a" * 40, "main", "eve", title="Fix ***NO_CI*** [ci skip]")))
