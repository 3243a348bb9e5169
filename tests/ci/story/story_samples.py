"""Facts of a build as plain values. `from story_samples import ...`."""

from pathlib import Path

from notemill.ci.story.build import Build
from notemill.ci.story.facts import Facts

EVIL = "x\x1b[31m\r\nsummary: http://evil/\u202e\u2028<img src=x onerror=alert(1)>[a](javascript:b) ${title} \ud800"
COMMIT = "c0ffee" * 6 + "beef"


def build(**more):
    facts = {"repository": "tiny", "commit": COMMIT, "event": "push", "branch": "main", "number": 7,
             "link": "http://drone.example/o/tiny/7", "after": "gate", "failed": False, **more}
    return Build(**facts)


def step(name="train", **more):
    return {"step": name, "status": "done", "reasons": ["cell 3 changed"], "seconds": 1.25, "needs": ["prepare"],
            "metrics": {"accuracy": 0.9}, "params": {"seed": 7}, "executed": {"sha256": "e" * 64}, "error": None,
            "inputs": {"data": {"from": "prepare.train", "sha256": "1" * 64},
                       "source": {"from": "data/in.csv", "sha256": "2" * 64}}, **more}


def record(*steps, **more):
    return {"run": "20260101-000000-aaaa", "ci": {"build": "7"}, "error": None, "steps": list(steps or [step()]),
            **more}


def check(name="metric", **more):
    return {"check": name, "outcome": "passed", "figure": 0.91, "low": 0.88, "high": 0.94, "n": 100, "limit": None,
            "hint": None, **more}


def verdict(*checks, **more):
    return {"verdict": "passed", "metric": "roc_auc", "n": 100, "content": "5" * 64, "data": "3" * 64,
            "checks": list(checks or [check()]), **more}


def facts(**more):
    return Facts(**{"build": build(), "root": Path("/nowhere"), "project": "tiny", "record": record(),
                    "verdict": verdict(), **more})


def hostile():
    """Every text that a project can choose is EVIL."""
    bad = step(EVIL, status="failed", reasons=[EVIL] * 3, params={EVIL: EVIL, "list": [EVIL]}, metrics={EVIL: 1.0},
               inputs={EVIL: {"from": EVIL, "sha256": "1" * 64}},
               error={"name": EVIL, "message": EVIL, "cell": 3, "line": 1, "report": f"reports/x.html#{EVIL}"})
    return facts(project=EVIL, build=build(branch=EVIL, event=EVIL, after=EVIL, repository=EVIL), record=record(bad),
                 verdict=verdict(check(EVIL, outcome="refused", hint=EVIL), metric=EVIL, verdict="refused"))
