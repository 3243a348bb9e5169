"""Two runs, or two registered versions, side by side."""

from notemill.compare.page import write_html, write_versions
from notemill.compare.rows import Comparison, Row, Section
from notemill.compare.runs import compare_runs
from notemill.compare.sides import Side, load_side
from notemill.compare.told import as_json, as_text
from notemill.compare.versions import VersionComparison, compare_versions

__all__ = ["Comparison", "Row", "Section", "Side", "VersionComparison", "as_json", "as_text", "compare_runs",
           "compare_versions", "load_side", "write_html", "write_versions"]
