"""Files at http(s) addresses: streamed into the store, asked again only whether they changed."""

import base64
import errno
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from notemill import __version__
from notemill.errors import NotemillError
from notemill.sources import kept
from notemill.sources.fetching import Context
from notemill.sources.kinds import HttpSource
from notemill.text import size

BLOCK = 1 << 18
TIMEOUT = 30.0      # seconds without a byte
CONDITIONS = {"etag": "If-None-Match", "last_modified": "If-Modified-Since"}


def fetch_http(source: HttpSource, context: Context) -> tuple:
    """The file as it is now; the kept copy where the server says that nothing changed."""
    place = kept.place(context.memory, "http", source.url)
    known = kept.recall(place, context.store)
    if context.offline:
        if not known:
            raise kept.offline_error(source.where, source)
        return kept.files(known)
    try:
        return _download(source, context, place, known)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 304 and known:
            return kept.files(known)
        raise _refused(source, error) from None
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        if getattr(error, "errno", None) == errno.EROFS:
            raise
        raise _failed(source, error, bool(known)) from None


def _download(source: HttpSource, context: Context, place, known: Mapping | None) -> tuple:
    with _opener(source).open(_request(source, known), timeout=TIMEOUT) as response:
        name = file_name(source.url)
        with context.store.incoming() as target:
            while block := response.read(BLOCK):
                target.write(block)
            expected = response.headers.get("Content-Length")
            if expected and expected.isdigit() and int(expected) != target.size:
                raise http.client.IncompleteRead(b"", int(expected) - target.size)
    context.say(f"{name}: {size(target.size)} from {source}")
    return kept.remember(place, name, target.sha256, target.size, url=str(source),
                         etag=response.headers.get("ETag"), last_modified=response.headers.get("Last-Modified"))


def _request(source: HttpSource, known: Mapping | None) -> urllib.request.Request:
    headers = {"User-Agent": f"notemill/{__version__}", "Accept-Encoding": "identity"}
    headers |= {header: known[fact] for fact, header in CONDITIONS.items() if known and known.get(fact)}
    parts = urlsplit(source.url)
    url = urlunsplit((parts.scheme, _host(parts), quote(parts.path, safe="/%:=~+!$,;'@()*&"),
                      quote(parts.query, safe="/%:=~+!$,;'@()*&?[]"), ""))
    request = urllib.request.Request(url, headers=headers)
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    return request


def _host(parts) -> str:
    """Host and port without user and password."""
    host = parts.netloc.rpartition("@")[2]
    return host if host.isascii() else host.encode("idna").decode()


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to http(s) alone, and takes credentials along only to the same server."""

    def __init__(self, source: HttpSource):
        self.source = source

    def redirect_request(self, request, response, code, message, headers, new_url):
        followed = super().redirect_request(request, response, code, message, headers, new_url)
        credentials = request.unredirected_hdrs.get("Authorization")
        if followed and credentials and urlsplit(request.full_url)[:2] == urlsplit(new_url)[:2]:
            followed.add_unredirected_header("Authorization", credentials)
        return followed

    def http_error_302(self, request, response, code, message, headers):
        # before the standard library's own check, which lets ftp: pass and shows the whole address
        scheme = re.match(r"\s*([A-Za-z][A-Za-z0-9+.-]*):", headers.get("location") or headers.get("uri") or "")
        if scheme and scheme[1].lower() not in ("http", "https"):
            response.close()
            raise NotemillError(self.source.where, f"{self.source} leads on to a {scheme[1].lower()}: address",
                                "http and https only")
        return super().http_error_302(request, response, code, message, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener(source: HttpSource) -> urllib.request.OpenerDirector:
    """The standard handlers less those for file:, ftp: and data:."""
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), urllib.request.UnknownHandler(), urllib.request.HTTPHandler(),
                    urllib.request.HTTPSHandler(), urllib.request.HTTPDefaultErrorHandler(), _Redirects(source),
                    urllib.request.HTTPErrorProcessor()):
        opener.add_handler(handler)
    return opener


def _refused(source: HttpSource, error: urllib.error.HTTPError) -> NotemillError:
    said = f"{source}: the server says {error.code} {http.client.responses.get(error.code, '')}".rstrip()
    if error.code >= 500 or error.code == 429:
        return NotemillError(source.where, said, hint="try again later")
    example = "https://USER:PASSWORD@host/..."  # pragma: allowlist secret
    hint = f"credentials go into the address: {example}" if error.code in (401, 403) else None
    return NotemillError(source.where, said, hint=hint)


def _failed(source: HttpSource, error: Exception, has_kept: bool) -> NotemillError:
    hint = "--offline uses the copy that is kept" if has_kept else None
    return NotemillError(source.where, f"{source}: {_reason(error)}", hint=hint)


def _reason(error: Exception) -> str:
    """What went wrong, in words that hold no part of the address."""
    if isinstance(error, http.client.IncompleteRead):
        missing = f", {size(error.expected)} before its end" if error.expected else ""
        return f"the download broke off{missing}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer for {TIMEOUT:.0f} seconds"
    if isinstance(cause, OSError) and cause.strerror:
        return f"cannot be reached ({cause.strerror})"
    return f"cannot be fetched ({type(cause).__name__})"


def file_name(url: str) -> str:
    """The last part of the address's path, made safe as a file's name; its suffixes say what it holds."""
    name = re.sub(r"[^\w.+-]", "_", PurePosixPath(unquote(urlsplit(url).path)).name).lstrip(".")
    return name[-100:] or "download"
