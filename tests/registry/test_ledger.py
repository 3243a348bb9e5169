"""The chain: what was written is read again, one of two comes through, and any change is named."""

import json

import pytest
from ledger_samples import ADA, BOB, bare

from notemill.errors import NotemillError
from notemill.registry import Ledger, append, moves, read_ledger
from notemill.registry.ledger import add, encoded, object_name, read_entries, seal

NAME = "toy"
PASSED = {"verdict": "passed", "champion": None}


def promote(records, label, number, by=BOB, **more):
    manifest = {**bare(records, NAME, label, **more), "version": number}
    return append(records, NAME, lambda ledger: moves.promote(ledger, manifest, PASSED, "low", by, None))


def rollback(records):
    return append(records, NAME, lambda ledger: moves.rollback(ledger, ledger.champion["number"], BOB, "it was worse"))


@pytest.fixture
def three(records):
    """Versions 1 and 2 promoted, then back to 1."""
    promote(records, "a", 1)
    promote(records, "b", 2)
    rollback(records)
    return records


def file(records, number):
    path = records.root / object_name(NAME, number)
    path.chmod(0o644)
    return path


def refused(records):
    """The error that every reader of the champion gets."""
    with pytest.raises(NotemillError) as caught:
        read_ledger(records, NAME)
    assert "bring the ledger back from a backup" in caught.value.hint
    return caught.value


def test_nothing_yet(records):
    ledger = read_ledger(records, NAME)
    assert (ledger.number, ledger.head, ledger.champion, ledger.versions()) == (0, None, None, {})


def test_entries_follow_each_other(three):
    ledger = read_ledger(three, NAME)
    assert [(one["number"], one["move"], one["from"], one["version"]) for one in ledger.entries] == [
        (1, "promote", None, 1), (2, "promote", 1, 2), (3, "rollback", 2, 1)]
    assert [one["previous"] for one in ledger.entries] == [None, *ledger.hashes[:2]]
    assert ledger.head == ledger.hashes[2] and ledger.champion["number"] == 1
    assert [one["version"] for one in ledger.line] == [1] and list(ledger.left) == [ledger.entries[1]["content"]]
    assert ledger.entries[0] == json.loads((three.root / object_name(NAME, 1)).read_text())


def test_reading_on_from_where_one_was_is_reading_all(three):
    before = read_ledger(three, NAME)
    promote(three, "c", 3)
    assert read_ledger(three, NAME, before) == read_ledger(three, NAME) != before


def test_a_ledger_is_of_one_model(three):
    assert read_ledger(three, "toy-2").number == 0
    promoted = (three.root / object_name(NAME, 1)).read_bytes()
    three.place_.create(object_name("toy-2", 1), promoted)
    with pytest.raises(NotemillError, match="is entry 1 of 'toy'"):
        read_ledger(three, "toy-2")


def test_who_is_second_decides_again_from_what_the_first_left(records):
    seen = []
    manifest = {**bare(records, NAME, "b"), "version": 2}

    def decide(ledger):
        seen.append(ledger.number)
        if len(seen) == 1:  # somebody else is faster, twice
            promote(records, "a", 1)
            promote(records, "c", 3)
        return moves.promote(ledger, manifest, PASSED, "low", ADA, None)

    ledger, entry = append(records, NAME, decide)
    assert seen == [0, 2] and (entry["number"], entry["from"]) == (3, 3)
    assert read_ledger(records, NAME) == ledger


def test_who_is_second_may_have_nothing_left_to_do(records):
    manifest = {**bare(records, NAME, "a"), "version": 1}

    def decide(ledger):
        if not ledger.number:
            promote(records, "a", 1)
        return moves.promote({0: Ledger(NAME)}.get(ledger.number, ledger), manifest, PASSED, "low", ADA, None)

    ledger, entry = append(records, NAME, decide)
    assert entry is None and ledger.number == 1


def test_an_answer_that_got_lost_is_no_second_entry(records, monkeypatch):
    create = records.place_.create
    monkeypatch.setattr(records.place_, "create", lambda name, data: create(name, data) and False)
    _, entry = promote(records, "a", 1)
    assert entry["number"] == 1 and read_ledger(records, NAME).number == 1


def test_a_place_that_takes_nothing_is_told(records, monkeypatch):
    monkeypatch.setattr(records.place_, "create", lambda name, data: False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(NotemillError, match="entry 1 of the ledger of 'toy' .*cannot be written"):
        promote(records, "a", 1)


# damage
def test_each_byte_of_each_entry_counts(three):
    ledger = Ledger(NAME)
    for number in (1, 2, 3):
        path = file(three, number)
        data = path.read_bytes()
        changed = [data[:place] + bytes([data[place] ^ 1]) + data[place + 1:] for place in range(len(data))]
        for other in (*changed, data[:-1], data + b" "):
            with pytest.raises(NotemillError, match=f"entry {number} of the ledger of 'toy'"):
                add(three, ledger, other)
        path.write_bytes(changed[len(data) // 2])
        assert str(path) in refused(three).where
        path.write_bytes(data)
        ledger = add(three, ledger, data)
    assert read_ledger(three, NAME) == ledger


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"number": NaN}', b'{"number": 1e999}',
                                  200_000 * b"["], ids=range(8))
def test_what_is_no_entry(three, data):
    file(three, 3).write_bytes(data)
    assert refused(three).where.startswith("entry 3 ")


@pytest.mark.parametrize("number", [1, 2])
def test_an_entry_that_is_missing(three, number):
    file(three, number).unlink()
    error = refused(three)
    assert error.where.startswith(f"entry {number} ") and error.got == "is missing, and later entries are there"
    assert read_entries(three, NAME)[0].number == number - 1


def forge(records, entry_number, **facts):
    """Say something else in good form, with its own digest."""
    path = file(records, entry_number)
    entry = {**json.loads(path.read_text()), **facts}
    path.write_bytes(encoded({**entry, "sha256": seal(entry)}))


@pytest.mark.parametrize("number, facts, words", [
    (1, {"by": "Eve"}, "entry 2 .* does not follow the entry before it"),
    (2, {"previous": "0" * 64}, "entry 2 .* does not follow"),
    (3, {"number": 4}, "entry 3 .* is entry 4 of 'toy'"),
    (3, {"name": "other"}, "entry 3 .* is entry 3 of 'other'"),
    (3, {"from": 1}, "entry 3 .* moves away from version 1"),
    (3, {"content": "0" * 64}, "entry 3 .* goes back to a version that was not the champion before"),
    (3, {"move": "crown"}, "entry 3 .* is not well formed: crown"),
    (3, {"by": None}, "entry 3 .* is not well formed: by"),
    (3, {"version": "1"}, "entry 3 .* is not well formed: version"),
    (3, {"format": 2}, "entry 3 .* has the format 2")])
def test_an_entry_that_was_forged(three, number, facts, words):
    forge(three, number, **facts)
    with pytest.raises(NotemillError, match=words):
        read_ledger(three, NAME)


def test_entries_that_were_exchanged(three):
    one, two = file(three, 1), file(three, 2)
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)
    assert refused(three).where.startswith("entry 1 ")


def test_what_is_no_entry_by_its_name_is_passed_over(three):
    (three.root / "ledger" / NAME / "notes.txt").write_text("who put this here")
    (three.root / "ledger" / NAME / "00000002.json.bak").write_text("{}")
    assert read_ledger(three, NAME).number == 3
