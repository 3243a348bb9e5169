"""What all pages share: the look, the policy that keeps them self-contained, and words for figures."""

import html
import re
from pathlib import Path
from urllib.parse import quote, urlsplit

from notemill import text
from notemill.report.kept import kept

TEMPLATES = Path(__file__).parent / "templates"
OPEN_INSIDE = ("default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline';"
               " img-src data: blob:; media-src data: blob:; font-src data:; worker-src blob:; base-uri 'none';"
               " form-action 'none'")
WHY = {"push": "by a push", "pull request": "by a pull request", "schedule": "by the schedule",
       "drift": "because of drift", "custom": "by a custom build", "promote": "for a promotion"}
STATUS = {"done": "done", "reused": "reused", "failed": "failed", "skipped": "skipped", "running": "running",
          "pending": "not run", "interrupted": "interrupted"}
CODE = re.compile(r"(`+)(.+?)\1(?!`)")
END = r"[-−]?\d[\d.,]*(?:e[-+]?\d+)?"
INTERVAL = re.compile(rf"(?<![\w.]){END} to {END}(?!\w)|\[{END}, {END}\]")
MOST = 2000         # characters of a heading or sentence that are looked at
MARKS = [(re.compile(pattern), left) for pattern, left in (
    (r"^#{1,6}\s+", ""), (r"\s+#+$", ""),                                   # of a heading
    (r"!?\[([^\]]*)\]\((?:[^()]|\([^()]*\))*\)", r"\1"),                    # a link, a picture
    (r"</?[a-zA-Z][^<>]*>", ""),
    (r"(?<![\w\\*_])([*_]{1,3})(?=[^\s*_])(.+?)(?<=[^\s\\])\1(?![\w*_])", r"\2"),
    (r"~~(?=\S)(.+?)~~", r"\1"), (r"\\([^\w\s])", r"\1"))]


def plain(words: object) -> str:
    """The Markdown of a heading or sentence as plain text on one line."""
    line = " ".join(words[:MOST].replace("\0", "").split()) if isinstance(words, str) else ""
    code: list[str] = []

    def put_aside(found: re.Match) -> str:
        code.append(found[2])
        return f"\0{len(code) - 1}\0"
    line = CODE.sub(put_aside, line)
    for pattern, left in MARKS:
        line = pattern.sub(left, line)
    return re.sub("\0(\\d+)\0", lambda found: code[int(found[1])], html.unescape(line)).strip()


def cut(value: object, most: int) -> str:
    """At most `most` characters."""
    words = str(value)
    return words if len(words) <= most else words[:most].rstrip() + " …"


def parts(name: object) -> list[str]:
    """A name in the pieces between which it may break: after underscores, dots and dashes."""
    return re.findall(r".+?[_./-]+|.+", str(name), flags=re.S)


def css(*names: str) -> str:
    return "\n".join((TEMPLATES / f"{name}.css").read_text(encoding="utf-8") for name in names)


def render(template: str, **values: object) -> str:
    """A page from its template; every value is escaped; what a record lacks is left empty: evidence first."""
    return kept(make_environment).get_template(template).render(**values)


def make_environment() -> object:
    """Jinja's environment for all pages but a step's; it compiles each template once."""
    import jinja2
    from notemill.report.compiled import Compiled

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, auto_reload=False, bytecode_cache=Compiled())
    environment.filters.update(seconds=seconds, size=size, figure=figure, cut=cut, parts=parts, whole=whole)
    return environment


def sibling(report: object) -> str | None:
    """The link to a report in the same folder: its file name and anchor; nothing else can come of it."""
    if not isinstance(report, str) or not report:
        return None
    path, _, anchor = report.partition("#")
    name = path.rsplit("/", 1)[-1]
    return f"./{quote(name)}" + (f"#{quote(anchor)}" if anchor else "") if name not in ("", ".", "..") else None


def web_link(address: object) -> str | None:
    """An http(s) address, or None."""
    try:
        parts = urlsplit(address) if isinstance(address, str) else None
    except ValueError:
        return None
    return address if parts and parts.scheme in ("http", "https") and parts.netloc else None


def whole(words: object) -> str:
    """A text, escaped, in which the two ends of an interval stay on one line where there is room for them."""
    from markupsafe import Markup, escape

    return Markup(INTERVAL.sub(r'<span class="whole">\g<0></span>', str(escape(words))))  # noqa: S704 - escaped


def seconds(value: object) -> str:
    """A duration as people say it: 0.42 s, 12.3 s, 3 min 20 s."""
    if not isinstance(value, (int, float)):
        return "–"
    if value < 60:
        return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(value: object) -> str:
    if not isinstance(value, (int, float)):
        return "–"
    return text.size(value)


def figure(value: object) -> str:
    """A number with the digits that matter."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return f"{int(value)}"
    return f"{value:.4g}" if abs(value) < 1 else f"{value:.6g}"


def difference(new: object, old: object) -> str | None:
    """How `new` differs from `old`, signed; None where they are equal or cannot be told apart."""
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (new, old))
    if not numbers or new == old:
        return None
    change = new - old
    return f"{'+' if change > 0 else '−'}{figure(float(f'{abs(change):.3g}'))}" if change == change else None
