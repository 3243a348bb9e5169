"""Which checks the gate is asked for, as pipeline.yaml stands, and what the last verdict said to them."""

from collections.abc import Iterator, Mapping, Sequence

from notemill.files import read_json
from notemill.gate import meaning
from notemill.gate.verdict import NOT_ASKED, names_for
from notemill.project import Project

# the key that asks for a check; all others come by themselves
NEEDS = {"floor": ("floor",), "agreement": ("metrics",), "slices": ("slices",), "value": ("value",),
         "fairness": ("fairness",), "budgets.latency": ("budgets", "latency_p95_ms"),
         "budgets.throughput": ("budgets", "rows_per_second"), "budgets.size": ("budgets", "size_mb"),
         "budgets.memory": ("budgets", "memory_mb")}

TAKEN = ("model", "data", "schema", "metrics", "predictions", "train")  # outputs of steps that the gate looks at


def gate_of(project: Project, records: Sequence[Mapping]) -> dict:
    """{"configured", "verdict", "run", "checks": [{"check", "group", "asks", "asked", "by", "outcome", "hint"}]}."""
    config = project.pipeline.gate
    if not config:
        return {"configured": False, "verdict": None, "run": None, "made": None, "metric": None, "takes": [],
                "checks": []}
    verdict = last_verdict(project, records) or {}
    outcomes = {check.get("check"): check for check in verdict.get("checks") or [] if isinstance(check, Mapping)}
    checks = [row(name, config, outcomes.get(name)) for name in names_for(config)]
    return {"configured": True, "verdict": verdict.get("verdict"), "run": verdict.get("run"),
            "made": verdict.get("made"), "metric": config.get("metric") or verdict.get("metric"),
            "takes": [config[key] for key in TAKEN if key in config],
            "checks": [{"group": heading, **check} for heading, own in meaning.grouped(checks) for check in own]}


def last_verdict(project: Project, records: Sequence[Mapping]) -> dict | None:
    """The one that was made last, of the runs that were looked at."""
    found = [read_json(project.runs / record["run"] / "verdict.json") for record in records]
    whole = [one for one in found if isinstance(one, dict) and isinstance(one.get("checks"), list)]
    return max(whole, key=lambda one: str(one.get("made")), default=None)


def row(name: str, config: Mapping, last: Mapping | None) -> dict:
    outcome = (last or {}).get("outcome")
    key = NEEDS.get(name)
    asked = has(config, key) if key else outcome != NOT_ASKED
    return {"check": name, "asks": meaning.asks(name), "asked": asked, "key": ".".join(key) if key else None,
            "outcome": outcome if asked == (outcome != NOT_ASKED) else None,
            "hint": str((last or {}).get("hint") or "") if outcome == NOT_ASKED and not asked else "",
            "warns": name in config.get("warn", ())}


def has(config: Mapping, key: Sequence[str]) -> bool:
    value: object = config
    for word in key:
        value = value.get(word) if isinstance(value, Mapping) else None
    return value is not None


def asked(gate: Mapping, asked: bool = True) -> Iterator[dict]:
    """The checks that are asked for, or are not."""
    return (check for check in gate["checks"] if check["asked"] == asked)
