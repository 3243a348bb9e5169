"""Are there enough held-out rows, and would the model package take them?"""

from notemill.gate.judged import Judged
from notemill.gate.verdict import Check

LEAST_ROWS = 30
SHOWN = 3  # problems in a hint


def check_rows(judged: Judged) -> Check:
    """Enough held-out rows, and none that the model package would not take."""
    evidence = judged.evidence
    least, total = evidence.config.get("least_rows", LEAST_ROWS), len(evidence.held_out)
    problems = evidence.conformed[1]
    hints = []
    if problems:
        more = f"; and {len(problems) - SHOWN:,} more" if len(problems) > SHOWN else ""
        hints.append("the model package would not take: " + "; ".join(map(str, problems[:SHOWN])) + more)
    n = len(evidence.good) if all(problem.row is not None for problem in problems) else 0
    if n < least:
        hints.append(f"{n:,} held-out rows are too few: {least:,} are wanted (gate: least_rows)")
    return Check("rows", "refused" if hints else "passed", float(n), n=total, limit=float(least),
                 hint=". ".join(hints) or None)
