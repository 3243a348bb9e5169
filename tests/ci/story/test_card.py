"""The card: small, of the form that the runner takes out of the log, and made of short plain texts."""

import base64
import io
import json
import re

from story_samples import check, facts, hostile, record, step, verdict

from notemill.ci.story import card
from notemill.ci.story.summary import summarise


def data_of(found=None, links=None):
    return card.data_of(summarise(found or facts(), links or {"verdict": "http://d/v"}))


def test_the_runner_finds_it():
    stream = io.StringIO()
    card.show({"DRONE_CARD_PATH": "/dev/stdout"}, "http://d/build.card.json", summarise(facts(), {}), stream)
    found = re.fullmatch(r"\x1b\]1338;([A-Za-z0-9+/=]+)\x1b\]0m\n", stream.getvalue())
    made = json.loads(base64.b64decode(found[1]))
    assert made["schema"] == "http://d/build.card.json" and made["data"]["word"] == "passed"


def test_it_goes_where_it_is_asked_for(tmp_path):
    stream = io.StringIO()
    card.show({"DRONE_CARD_PATH": str(tmp_path / "card")}, "http://d/c", summarise(facts(), {}), stream)
    card.show({}, "http://d/c", summarise(facts(), {}), stream)
    assert stream.getvalue() == "" and (tmp_path / "card").read_text().startswith("\x1b]1338;")


def test_it_has_all_that_its_template_shows():
    template = card.template().content.decode()
    known = json.dumps(data_of(facts(record=record(step()), verdict=verdict(check()))))
    for name in set(re.findall(r"\$\{(\w+)\}", template)) | set(re.findall(r"count\((\w+)\)", template)):
        assert f'"{name}"' in known


def test_words_of_strangers_are_short_texts():
    made = data_of(hostile())
    rows = [*made["steps"], *made["checks"]]
    texts = [made["error"], made["title"], *(text for row in rows for text in row.values())]
    assert all(isinstance(text, str) and text.isprintable() for text in texts)
    assert all(len(text) <= 300 and max(map(len, text.split()), default=0) <= card.MOST_WORD for text in texts)


def test_it_shows_no_text_but_as_text_runs():
    """A text block's words would be read as Markdown."""
    blocks = re.findall(r'"type": "TextBlock"[^}]*"text": "([^"]*)"', card.template().content.decode())
    assert set(blocks) <= {"Step", "Action", "Why", "Time", "Check", "Figure", "95 % interval", "Limit", "Passed",
                           "${more}"}


def test_what_was_refused_comes_first():
    many = [check(f"c{n}") for n in range(30)]
    made = data_of(facts(verdict=verdict(*many, check("last", outcome="refused"), verdict="refused")))
    assert made["checks"][0]["check"] == "last" and len(made["checks"]) == 10 and made["word"] == "refused"
    assert made["more"] == "and 21 more checks that passed or are in the log"


def test_it_stays_small():
    stream = io.StringIO()
    many = record(*[step(f"s{n}" * 20, reasons=["r " * 300]) for n in range(100)])
    card.show({"DRONE_CARD_PATH": "/dev/stdout"}, "http://d/c", summarise(facts(record=many), {}), stream)
    assert 0 < len(stream.getvalue()) < 8500
