"""What to do with a pull request: a table of cases."""

from dataclasses import replace

import pytest

from notemill.ci.steward.decide import decide
from notemill.ci.steward.facts import APPROVED, REJECTED, Pull, Reason, Review

HEAD = "a" * 40
LOOSER = (Reason("changes the gate", "gate: floor"),)
MEMBER = Pull(7, HEAD, "main", "ann", member=True, own_branch=True)
STRANGER = replace(MEMBER, author="mallory", member=False, own_branch=False)


def review(login, state=APPROVED, commit=HEAD, writer=True, dismissed=False):
    return Review(login, state, commit, writer, dismissed)


@pytest.mark.parametrize("pull, needed, state, merge", [
    # nothing special
    (MEMBER, 0, "success", True),
    (replace(MEMBER, draft=True), 0, "success", False),
    (replace(MEMBER, own_branch=False), 0, "success", False),
    # approvals that are asked for
    (MEMBER, 1, "pending", False),
    (replace(MEMBER, reviews=(review("bob"),)), 1, "success", True),
    (replace(MEMBER, reviews=(review("bob"), review("Bob"))), 2, "pending", False),
    (replace(MEMBER, reviews=(review("bob"), review("cleo"))), 2, "success", True),
    (replace(MEMBER, reviews=(review("ann"),)), 1, "pending", False),
    (replace(MEMBER, reviews=(review("ANN"),)), 1, "pending", False),
    (replace(MEMBER, reviews=(review("bob", commit="b" * 40),)), 1, "pending", False),
    (replace(MEMBER, reviews=(review("bob", writer=False),)), 1, "pending", False),
    (replace(MEMBER, reviews=(review("bob", dismissed=True),)), 1, "pending", False),
    # somebody objects
    (replace(MEMBER, reviews=(review("bob", REJECTED),)), 0, "pending", False),
    (replace(MEMBER, reviews=(review("bob"), review("bob", REJECTED))), 1, "pending", False),
    (replace(MEMBER, reviews=(review("bob", REJECTED), review("bob"))), 1, "success", True),
    (replace(MEMBER, reviews=(review("bob", REJECTED), review("cleo"))), 1, "pending", False),
    (replace(MEMBER, reviews=(review("eve", REJECTED, writer=False),)), 0, "success", True),
    (replace(MEMBER, reviews=(review("bob", REJECTED, commit="b" * 40),)), 0, "pending", False),
    # what loosens waits for other eyes
    (replace(MEMBER, loosens=LOOSER), 0, "pending", False),
    (replace(MEMBER, loosens=LOOSER, reviews=(review("ann"),)), 0, "pending", False),
    (replace(MEMBER, loosens=LOOSER, reviews=(review("bob"),)), 0, "success", True),
    (replace(MEMBER, loosens=LOOSER, reviews=(review("bob", commit="b" * 40),)), 0, "pending", False),
    (replace(MEMBER, loosens=LOOSER, reviews=(review("bob"),), authors=frozenset({"Bob"})), 0, "pending", False),
    (replace(MEMBER, loosens=LOOSER, reviews=(review("bob"), review("cleo")), authors=frozenset({"bob"})), 0,
     "success", True),
    (replace(MEMBER, loosens=LOOSER, reviews=(review("eve", writer=False),)), 0, "pending", False),
    # strangers
    (STRANGER, 0, "pending", False),
    (replace(STRANGER, own_branch=True), 0, "pending", False),
    (replace(STRANGER, reviews=(review("mallory", writer=False),)), 0, "pending", False),
    (replace(STRANGER, reviews=(review("bob"),)), 0, "success", False),
    (replace(STRANGER, own_branch=True, reviews=(review("bob"),)), 0, "success", False),
    (replace(STRANGER, loosens=LOOSER, reviews=(review("bob"),)), 0, "success", False),
    (replace(STRANGER, reviews=(review("bob", commit="b" * 40),)), 0, "pending", False)])
def test_cases(pull, needed, state, merge):
    found = decide(pull, needed)
    assert (found.state, found.merge) == (state, merge) and bool(found.waits) is (state == "pending")


def test_the_words_are_ours_alone():
    """What a stranger wrote is no part of the status."""
    found = decide(replace(MEMBER, loosens=(Reason("changes the gate", "@all <b>"),)))
    assert found.words == "waits for a person: changes the gate"


def test_the_same_is_said_once():
    found = decide(replace(MEMBER, loosens=(Reason("changes what the server runs", "a"),
                                            Reason("changes what the server runs", "b"))))
    assert found.words.count("what the server runs") == 1 and len(found.waits) == 2
