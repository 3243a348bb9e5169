"""pipeline.yaml of a new project: the starter's steps with this table's source, target and split."""

from collections.abc import Sequence

from notemill.init.checks import SEED, TEST_SIZE
from notemill.init.choices import Choices
from notemill.init.quote import comment, listed, text

SMOKE = ("smoke:                            # small parameters, for `nox -s test`: the whole pipeline in a minute",
         "  train: {max_iter: 20, folds: 2}",
         "  evaluate: {resamples: 20}")


def pipeline_text(name: str, risk: str, choices: Choices, source: str, said: Sequence[str]) -> str:
    """The whole file. `source` is the input as pipeline.yaml names it, `said` how the table came to stand there."""
    steps = ["steps:", *_steps(choices, source, said)]
    return "\n".join([*_head(name, risk, choices), *steps, *_gate(choices), *SMOKE, ""])


def _head(name: str, risk: str, choices: Choices) -> list[str]:
    return ["# Three notebooks, strung together: what each takes, what it leaves, and with which parameters it runs.",
            f"name: {text(name)}",
            f"task: {choices.task}",
            f"risk: {risk}".ljust(34) + "# low | medium | high: what the card and a promotion demand",
            f"params: {{seed: {SEED}}}".ljust(34) + "# goes to every step that declares it",
            "contract: contract.yaml".ljust(34) + "# what the source table has to be, checked before any step sees it"]


def _steps(choices: Choices, source: str, said: Sequence[str]) -> list[str]:
    return ["  prepare:",
            "    notebook: prepare.ipynb",
            *(f"    # {comment(line, 200)}" for line in said),
            f"    inputs: {{source: {text(source)}, contract: notebooks/contract.yaml}}",
            "    params:",
            *(f"      {line}" for line in _prepare(choices)),
            "    outputs: {train: train.parquet, test: test.parquet, schema: schema.json}",
            "  train:",
            "    notebook: train.ipynb",
            "    inputs: {data: prepare.train, schema: prepare.schema}",
            f"    params: {{estimator: {choices.estimator}}}  # linear | boosting | forest",
            "    outputs: {model: model.skops}",
            "  evaluate:",
            "    notebook: evaluate.ipynb",
            "    inputs: {model: train.model, data: prepare.test, schema: prepare.schema}",
            "    outputs: {metrics: metrics.json}"]


def _prepare(choices: Choices) -> list[str]:
    lines = [f"target: {text(choices.target)}", f"task: {choices.task}"]
    if choices.positive is not None:
        lines.append(f"positive: {text(choices.positive)}".ljust(28) + "# the class to detect")
    if choices.drop:
        lines.append(f"drop: {listed(list(choices.drop))}")
        lines += [f"# {comment(name)}: {comment(why, 120)}" for name, why in choices.drop.items()]
    lines.append(f"split: {choices.split}".ljust(28) + "# random | stratified | group | time")
    lines += [f"{key}: {text(name)}" for key, name in (("group", choices.group), ("time", choices.time))
              if name is not None]
    return [*lines, f"test_size: {TEST_SIZE}"]


def _gate(choices: Choices) -> list[str]:
    return ["gate:",
            "  model: train.model",
            "  data: prepare.test",
            "  schema: prepare.schema",
            "  metrics: evaluate.metrics",
            f"  metric: {choices.metric}",
            "  # floor: 0.8".ljust(34) + f"# the least {choices.metric} that is good enough: yours to say",
            "  margin: 0.01".ljust(34) + "# how much worse than a simple model, or the one in use, is still as good"]
