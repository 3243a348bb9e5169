"""How many models were judged on these held-out rows? The best of many looks better than it is."""

import math
from collections.abc import Mapping

from notemill.gate.known import Known
from notemill.gate.verdict import Check, not_asked

MOST = 20


def check_attempts(known: Known, config: Mapping) -> Check:
    """Counted by content, this one included. Of k equally good models the best one's figure is by about
    sqrt(2 ln k) standard errors too high (Blum and Hardt, 2015, The Ladder, ICML; a bound for the maximum)."""
    if known.attempts is None:
        return not_asked("attempts", "judged without the project's records")
    count, most = known.attempts + 1, config.get("attempts", MOST)
    hint = None
    if count > 1:
        hint = (f"{count} different models were judged on these held-out rows: the best of them may look better by up "
                f"to {math.sqrt(2 * math.log(count)):.1f} standard errors by chance")
    if count > most:
        hint += ". Hold out new rows"
    return Check("attempts", "warned" if count > most else "passed", float(count), limit=float(most), hint=hint)
