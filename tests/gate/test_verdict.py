"""What a verdict is made of: complete, in order, and refused where anything is."""

import pytest

from notemill.gate.verdict import FIRM, NAMES, Check, complete, decide, from_json, refused

PASSED = [Check(name, "passed") for name in NAMES]


def test_all_passed_is_passed():
    assert decide(complete(PASSED, {})) == "passed"


@pytest.mark.parametrize("name", NAMES)
def test_a_check_that_is_absent_is_a_refusal(name):
    checks = complete([check for check in PASSED if check.check != name], {})
    assert [check.check for check in checks] == list(NAMES)
    assert decide(checks) == "refused"


@pytest.mark.parametrize("name", NAMES)
def test_one_refusal_refuses_unless_it_only_warns(name):
    checks = [check if check.check != name else Check(name, "refused", figure=0.5) for check in PASSED]
    assert decide(complete(checks, {})) == "refused"
    softened = complete(checks, {"warn": [name]})
    assert decide(softened) == ("refused" if name in FIRM else "passed")
    assert [check.outcome for check in softened].count("warned") == (name not in FIRM)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("found", [[], ["refused"]])
def test_what_could_not_be_computed_is_never_a_mere_warning(name, found):
    checks = [check for check in PASSED if check.check != name] + [refused(name, "it crashed") for _ in found]
    assert decide(complete(checks, {"warn": list(NAMES)})) == "refused"


@pytest.mark.parametrize("broken", [
    None, {}, {"figure": float("nan")}, {"figure": "0.9"}, {"outcome": "fine"}, {"check": "another"}, {"more": 1}])
def test_what_is_no_check_is_not_taken_for_one(broken):
    value = broken if not broken else {**Check("floor", "passed").as_json(), **broken}
    with pytest.raises(ValueError, match="no|unknown"):
        from_json(value)


def test_a_check_survives_json():
    check = Check("floor", "refused", 0.9, 0.8, 1.0, 100, 0.95, "hm")
    assert from_json(check.as_json()) == check
