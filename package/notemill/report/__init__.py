"""Reports for people: an executed notebook as HTML, and the page of a run."""

from notemill.report.cells import current_text
from notemill.report.index import foremost, pictures, write_index
from notemill.report.step import write_step_report

__all__ = ["current_text", "foremost", "pictures", "write_index", "write_step_report"]
