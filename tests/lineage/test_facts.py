"""What a record says in MLflow's words."""

from notemill.lineage.facts import PARAM_LIMIT, run_params, step_params
from notemill.lineage.publish import Target

LONG = "x" * (PARAM_LIMIT - 6)


def test_parameters_are_redacted_before_they_are_cut():
    step = {"step": "one", "params": {"text": LONG + "s3cret-value"}}
    target = Target(None, "", {}, None, None, lambda text: text.replace("s3cret-value", "******"))
    for params in (step_params(step, {}), run_params({"steps": [step]})):
        assert list(target.clean(params, PARAM_LIMIT).values()) == [LONG + "******"]


def test_what_mlflow_cut_is_the_same_parameter():
    whole = "x" * (PARAM_LIMIT + 9)
    assert step_params({"step": "one", "params": {"text": whole}}, {"text": whole[:PARAM_LIMIT]}) == {"text": whole}
