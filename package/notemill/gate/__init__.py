"""The gate: it loads the model and the held-out rows itself, computes everything, and believes nobody's figures."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from notemill.gate.figure import Figure
from notemill.gate.known import Champion, Known

if TYPE_CHECKING:
    from notemill.project import Project

__all__ = ["Champion", "Figure", "Known", "check_ready", "judge"]


def judge(project: "Project", record: Mapping, known: Known | None = None, *, seconds: float | None = None,
          rerun: bool = False) -> dict:
    """The verdict on a run, which is also written beside its record.

    `known`: what registry and release tell; `seconds`: how long the model may take; `rerun`: run every step again.
    Raises UsageError where there is nothing to judge, or the gate section makes no sense.
    """
    from notemill.gate.judging import judge as carry_out  # late: the processes that judge need nothing of the project

    return carry_out(project, record, known or Known(), seconds=seconds, rerun=rerun)


def check_ready(project: "Project", record: Mapping) -> None:
    """Raise UsageError where there is nothing to judge: no gate section, a run not done, outputs that are gone."""
    from notemill.gate.ready import ready

    ready(project, record)
