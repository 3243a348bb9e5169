"""Refusals as problem details (RFC 9457): what was wrong, in words and in fields."""

from collections.abc import Mapping
from http import HTTPStatus

CONTENT_TYPE = b"application/problem+json"
# reason: (status, title); the reason is the end of `type`, and a label in the metrics
REASONS = {
    "bad-json": (400, "The body cannot be read"),
    "bad-request": (400, "The request is not as it has to be"),
    "too-deep": (400, "The body is nested too deep"),
    "no-key": (401, "A key is needed"),
    "not-found": (404, "There is nothing here"),
    "unknown-request": (404, "No such request is in the log"),
    "wrong-method": (405, "Not with this method"),
    "too-slow": (408, "The body did not come in time"),
    "no-log": (409, "This service keeps no log"),
    "too-large": (413, "The body is too large"),
    "too-many-rows": (413, "There are too many rows"),
    "wrong-type": (415, "Not a body of this kind"),
    "bad-rows": (422, "Not all rows are such as the model knows"),
    "unscorable": (422, "The model has no answer to these rows"),
    "bad-label": (422, "The model knows no such label"),
    "busy": (429, "Too many requests at once"),
    "fault": (500, "The service has a fault"),
    "too-long": (503, "The answer did not come in time"),
    "log-full": (503, "The prediction log takes no more"),
    "not-ready": (503, "Not ready"),
}
LATER = frozenset(("busy", "too-long", "log-full", "not-ready"))  # what may go well when asked again


class Problem(Exception):
    """A request that gets no answer: `reason` is one of REASONS."""

    def __init__(self, reason: str, detail: str, more: Mapping | None = None, headers: tuple = ()):
        super().__init__(detail)
        self.reason, self.detail, self.more = reason, detail, more or {}
        self.headers = (*headers, (b"retry-after", b"1")) if reason in LATER else headers

    @property
    def status(self) -> int:
        return REASONS[self.reason][0]

    def as_json(self, request_id: str) -> dict:
        status, title = REASONS[self.reason]
        return {"type": f"/docs#{self.reason}", "title": title, "status": status, "detail": self.detail,
                "request": request_id, **self.more}


def phrase(status: int) -> str:
    """What HTTP calls a status."""
    return HTTPStatus(status).phrase
