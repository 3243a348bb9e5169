"""The head of the card: YAML in the form of Hugging Face's model cards, with the figure as their model-index."""

from collections.abc import Mapping

import yaml

from notemill.card.facts import check
from notemill.card.human import Human


def front_matter(facts: Mapping, human: Human) -> str:
    """Library, task, and the metric with interval and n: github.com/huggingface/hub-docs, modelcard.md."""
    task = f"tabular-{facts['task']}"
    told = {"library_name": "sklearn", "pipeline_tag": task, "tags": ["tabular", facts["task"], "notemill"],
            **({"license": human.license} if human.license else {}),
            "model-index": [{"name": facts["name"], "results": [result(facts, task)]}]}
    return f"---\n{yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=120)}---"


def result(facts: Mapping, task: str) -> dict:
    metric, held_out = check(facts, "metric"), facts["data"]["held_out"]
    interval = [metric.get("low"), metric.get("high")]
    counted = {"n": metric.get("n"), "interval_95": interval if None not in interval else "none"}
    return {"task": {"type": task},
            "dataset": {"name": f"{facts['name']} {held_out['name']}", "type": "tabular", "split": "test",
                        "args": {"sha256": held_out["sha256"], "rows": held_out["rows"]}},
            "metrics": [{"type": facts["verdict"]["metric"], "value": metric.get("figure"),
                         "name": facts["verdict"]["metric"], "args": counted}]}
