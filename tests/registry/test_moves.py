"""What may be done from where: decided from the ledger alone."""

import pytest
from ledger_samples import ADA, BOB, EVE, bare

from notemill.errors import NotemillError, UsageError
from notemill.registry import Ledger, moves
from notemill.registry.ledger import add, encoded, next_entry
from notemill.registry.people import check_person, same_person

PASSED = {"verdict": "passed", "champion": None}


@pytest.fixture
def manifest(records):
    return lambda label="a", number=1, **more: {**bare(records, "toy", label, **more), "version": number}


@pytest.fixture
def after(records):
    """The ledger after some moves: each a function of the ledger before it."""
    def play(*decisions):
        ledger = Ledger("toy")
        for decide in decisions:
            ledger = add(records, ledger, encoded(next_entry(ledger, decide(ledger))))
        return ledger

    return play


def promoted(manifest, risk="low", verdict=PASSED):
    return lambda ledger: moves.promote(ledger, manifest, verdict, risk, BOB, None)


def back(ledger):
    return moves.rollback(ledger, ledger.champion["number"], BOB, None)


def approved(manifest, by):
    return lambda ledger: moves.approve(ledger, manifest, "high", by, "looked at it")


# promote and rollback
def test_promoting_the_champion_is_nothing(manifest, after):
    assert promoted(manifest())(after(promoted(manifest()))) is None
    assert promoted(manifest(run="again", figure=0.1))(after(promoted(manifest()))) is None


def test_each_rollback_goes_one_further_back(manifest, after):
    versions = [promoted(manifest(label, number)) for number, label in enumerate("abc", 1)]
    assert [one["version"] for one in after(*versions).line] == [1, 2, 3]
    assert [after(*versions, *[back] * n).champion["version"] for n in range(3)] == [3, 2, 1]
    with pytest.raises(UsageError, match="version 1: has none before it") as caught:
        after(*versions, back, back, back)
    assert "--retire" in caught.value.hint
    again = after(*versions, back, back, versions[2], back)
    assert again.champion["version"] == 1 and again.number == 7


def test_a_rollback_without_a_champion(after):
    with pytest.raises(UsageError, match="has no champion"):
        moves.rollback(after(), 1, BOB, None)


def test_a_rollback_is_of_the_promotion_that_was_seen(manifest, after):
    """Two who undo the same promotion undo it once."""
    ledger = after(*[promoted(manifest(label, number)) for number, label in enumerate("abc", 1)])
    seen = ledger.champion["number"]
    second = after(*[promoted(manifest(label, number)) for number, label in enumerate("abc", 1)],
                   lambda now: moves.rollback(now, seen, BOB, None))
    with pytest.raises(UsageError, match="moved by somebody else meanwhile: it is version 2"):
        moves.rollback(second, seen, EVE, None)


def test_retiring_leaves_no_champion_and_nothing_to_go_back_to(manifest, after):
    def retire(ledger):
        return moves.retire(ledger, ledger.champion["number"] if ledger.champion else 0, BOB, "a new target")

    versions = [promoted(manifest(label, number)) for number, label in enumerate("ab", 1)]
    ledger = after(*versions, retire)
    assert ledger.champion is None and ledger.entries[-1]["from"] == 2
    with pytest.raises(UsageError, match="has no champion"):
        retire(ledger)
    assert after(*versions, retire, versions[0]).line[0]["from"] is None


def test_retiring_is_of_the_promotion_that_was_seen(manifest, after):
    ledger = after(promoted(manifest("a", 1)), promoted(manifest("b", 2)))
    with pytest.raises(UsageError, match="moved by somebody else meanwhile: it is version 2"):
        moves.retire(ledger, 1, BOB, "a new target")


# notes
def test_a_verdict_beside_another_champion_is_told(manifest, after):
    beside = {"verdict": "passed", "champion": "version 1"}
    first, second, third = (manifest(label, number) for number, label in enumerate("abc", 1))

    def notes(decide):
        return after(promoted(first), decide).entries[-1]["notes"]

    assert notes(promoted(second, verdict=beside)) == []
    assert notes(promoted(second)) == [
        "its verdict was given when there was no champion; the champion that it follows is version 1"]
    moved = after(promoted(first), promoted(second, verdict=beside), promoted(third, verdict=beside))
    assert moved.entries[-1]["notes"] == [
        "its verdict was given beside version 1; the champion that it follows is version 2"]


def test_what_was_rolled_back_before_is_told(manifest, after):
    first, second = promoted(manifest()), promoted(manifest("b", 2), verdict={"champion": "version 1"})
    ledger = after(first, second, back, second)
    assert ledger.entries[-1]["notes"][0].startswith("it was the champion before, until the rollback of 20")
    assert not ledger.left


# approvals
def test_a_high_risk_needs_somebody_else(manifest, after):
    made = manifest()
    for given in ([], [approved(manifest("b", 2), BOB)]):  # for another content, that is
        with pytest.raises(NotemillError, match="nobody has approved it") as caught:
            promoted(made, "high")(after(*given))
        assert ADA in caught.value.allowed and "notemill approve 1 --by" in caught.value.hint
    assert promoted(made, "high")(after(approved(made, BOB)))["risk"] == "high"
    for risk in ("low", "medium"):
        assert promoted(made, risk)(after())["move"] == "promote"


@pytest.mark.parametrize("by", [ADA, "ada byron", "ADA@EXAMPLE.ORG", "Somebody <ada@example.org>",
                                "Ada  Byron <other@example.org>"])
def test_the_author_does_not_approve(manifest, after, by):
    with pytest.raises(UsageError, match="is the author of its commit"):
        approved(manifest(), by)(after())


def test_an_author_who_was_not_known_when_it_was_approved_does_not_count_later(manifest, after):
    """The same content was registered with another author's name: whoever approved it is looked at again."""
    made = manifest(author=EVE)
    with pytest.raises(NotemillError, match="nobody has approved it") as caught:
        promoted({**made, "author": BOB}, "high")(after(approved(made, BOB)))
    assert f"{BOB} counts as the author" in caught.value.allowed
    assert promoted({**made, "author": BOB}, "high")(after(approved(made, BOB), approved(made, ADA)))


@pytest.mark.parametrize("facts, words", [
    ({"commit": None}, "outside a git repository"), ({"dirty": True}, "changes that no commit has"),
    ({"author": None}, "the author of its commit is not known")])
def test_a_high_risk_without_an_author_is_refused_in_words(manifest, after, facts, words):
    made = manifest(**facts)
    with pytest.raises(NotemillError, match=words) as caught:
        promoted(made, "high")(after(approved(made, BOB)))
    assert "commit what it is made from" in caught.value.hint


def test_the_same_person_approves_once(manifest, after):
    made = manifest()
    ledger = after(approved(made, BOB))
    assert approved(made, "bob@example.org")(ledger) is None
    assert approved(made, EVE)(ledger)["by"] == EVE and approved(manifest("b", 2), BOB)(ledger)["version"] == 2
    assert [one["by"] for one in ledger.approvals(made["content"])] == [BOB] and ledger.champion is None


def test_the_stricter_risk_counts():
    assert [moves.stricter(*pair) for pair in [(None, None), ("low", "high"), ("medium", None), ("high", "low")]] == [
        "low", "high", "medium", "high"]


# people
@pytest.mark.parametrize("one, other, same", [
    (ADA, ADA, True), (ADA, "Ada Byron", True), ("ada", "ADA", True), (ADA, "ada", False),
    ("<ada@example.org>", ADA, True), (ADA, BOB, False), ("Ada Byron <>", "Bob <>", False), ("", "", False),
    ("Ａda Byron", ADA, True), ("Ada Byron (work) <ada@example.org>", ADA, True),
    ('"Ada Byron" <x@example.org>', ADA, True), ("Somebody ada@example.org", ADA, True), ("Ada\u034f Byron", ADA, True),
    ("mailto:ada@example.org", ADA, True), ("ada@example.org (Nobody)", ADA, True), ("Ada-Byron", ADA, True),
    ("Ada B <ada@example.com>", ADA, False), ("Bob Moss (for Ada Byron)", ADA, False)])
def test_same_person(one, other, same):
    assert same_person(one, other) is same_person(other, one) is same


@pytest.mark.parametrize("text", ["", "  ", "<>", " < > ", "a\x1b[2Jb", "x" * 201])
def test_who_names_nobody(text):
    with pytest.raises(UsageError, match="names nobody"):
        check_person(text, "--by")


@pytest.mark.parametrize("text", ["\u3164", "\uffa0 \u115f", "\u1160"])
def test_letters_that_show_nothing_name_nobody(text):
    with pytest.raises(UsageError, match="names nobody"):
        check_person(text, "--by")
    assert same_person(f"Ada{text} Byron", ADA)


@pytest.mark.parametrize("text", ["\u0410da Byron", "Ada Byr\u03bfn <ada@example.com>", "B <\u0430da@example.org>"])
def test_a_name_of_letters_that_look_alike_is_refused(text):
    with pytest.raises(UsageError, match="which look alike"):
        check_person(text, "--by")


@pytest.mark.parametrize("text", ["Ада Байрон <ada@example.org>", "Άδα", "Ådå Bÿron", "阿達", "Ada Байрон", "Ada µ"])
def test_names_of_one_script_a_word(text):
    assert check_person(text, "--by") == text


def test_a_person_is_trimmed():
    assert check_person("  Ada \n Byron  <ada@example.org> ", "--by") == ADA
