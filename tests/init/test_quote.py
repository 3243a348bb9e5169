"""Names from tables come through YAML unharmed, for both readers that there are."""

import pytest
import yaml
from init_samples import HOSTILE

from notemill.init import quote
from notemill.yaml_places import parse_yaml


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_the_same_for_both_readers(name):
    document = f"{quote.text(name)}: [{quote.text(name)}, {{k: {quote.text(name)}}}]  # {quote.comment(name)}\n"
    wanted = {name: [name, {"k": name}]}
    assert yaml.safe_load(document) == wanted
    assert parse_yaml(document, "x")[0] == wanted


@pytest.mark.parametrize("value", [0, -3, 10**20, 1.5, 1e-5, -2.5e-7, 1e16, 1e300, 0.1, True, False, None])
def test_a_value_is_the_same_for_both_readers(value):
    for read in (yaml.safe_load, lambda text: parse_yaml(text, "x")[0]):
        got = read(quote.scalar(value))
        assert got == value and type(got) is type(value)


def test_plain_words_stay_plain():
    assert [quote.text(word) for word in ("age", "mean radius", "a-b", "x_1")] == ["age", "mean radius", "a-b", "x_1"]


def test_a_comment_stays_on_its_line():
    assert quote.comment("a\nb\x1b[31m\u2028c") == "a b [31m c"
    assert quote.comment("a" * 99) == "a" * 59 + "…"
