"""The model card: facts from recorded JSON alone, and what people wrote in model_card.md, named and dated as theirs."""

from notemill.card.check import compare_version, today_notes
from notemill.card.contract import rules
from notemill.card.facts import LATER, collect
from notemill.card.human import Human, check_readable, read_human
from notemill.card.kept import compare_text
from notemill.card.markdown import render
from notemill.card.page import render as render_page
from notemill.card.proof import compare_run
from notemill.card.review import demand, warning
from notemill.card.summary import summary

__all__ = ["LATER", "Human", "check_readable", "collect", "compare_run", "compare_text", "compare_version", "demand",
           "read_human", "render", "render_page", "rules", "summary", "today_notes", "warning"]
