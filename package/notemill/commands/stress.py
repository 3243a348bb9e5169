"""`notemill stress`: load on a service of one's own, held against the budgets of pipeline.yaml."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import click

from notemill import signing
from notemill.commands.shared import print_json
from notemill.errors import UsageError
from notemill.stress import asking, bodies, budgets, load, service, target
from notemill.text import Style, number, style_for

BUSY = 0.9  # of a processor: then the client may be what is slow


def stress(folder: Path, asked: str | None, *, clients: int, seconds: float, rows_each: int, mine: bool,
           as_json: bool) -> int:
    """Exit code: 1 where a budget is not kept, or a request was not answered well."""
    limits = budgets_of(folder)
    with ExitStack() as around:
        url, examples, ready = meant(folder, asked, around)
        found = target.find(url, mine=mine)
        said = asking.headers(found, os.environ.get(asking.KEY))
        asked_with = bodies.good(found, said, examples, rows_each)
        print(f"{url}: {clients} client{'s' * (clients > 1)}, {seconds:g} s ...", file=sys.stderr)
        measured = load.put(found, load.requests(found, "/predict", said, asked_with), clients=clients, seconds=seconds,
                            rows=rows_each)
    held = budgets.hold(measured, limits)
    passed = not measured.errors and measured.answered > 0 and all(one.kept is not False for one in held)
    if as_json:
        print_json({"url": url, "clients": clients, "rows_per_request": rows_each, "ready_s": rounded(ready),
                    "passed": passed, **as_object(measured, held)})
    else:
        click.echo("\n".join(lines(measured, held, ready, rows_each, style_for(sys.stdout))))
    return 0 if passed else 1


def budgets_of(folder: Path) -> Mapping[str, float]:
    """None where there is no project, and none was named."""
    from notemill.pipeline import FILE, read_pipeline

    if folder == Path(".") and not (folder / FILE).is_file():
        return {}
    return (read_pipeline(folder).gate or {}).get("budgets", {})


def meant(folder: Path, asked: str | None, around: ExitStack) -> tuple[str, list[dict], float | None]:
    """(address, golden rows that are known, seconds until it was ready): a model package is served here, as long as
    `around` lasts."""
    if asked and "://" in asked:
        return asked, [], None
    from notemill.release.packaged import packaged
    from notemill.serve.loading import content_digest

    named = asked or str(newest_wheel(folder))
    package = packaged(named, folder, told=lambda text: print(f"warning: {text}", file=sys.stderr),
                       also="a service's address (http://...)")
    environ = {name: value for name, value in os.environ.items() if name not in signing.KEPT_BACK}
    print(f"{named}: starting its service ...", file=sys.stderr)
    url, ready = around.enter_context(service.served(package, content_digest(package), environ))
    golden = json.loads((package / "golden.json").read_text(encoding="utf-8"))
    return url, golden["rows"], ready


def newest_wheel(folder: Path) -> Path:
    found = sorted((folder / "dist").glob("*.whl"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise UsageError(str(folder / "dist"), "has no wheel to serve",
                         hint="notemill package writes one; or name a wheel, or a service by its URL")
    return found[-1]


def as_object(measured: load.Load, held: Sequence[budgets.Held]) -> dict:
    return {"seconds": round(measured.seconds, 3), "answered": measured.answered,
            "requests_per_second": round(measured.requests_per_second, 1),
            "rows_per_second": round(measured.rows_per_second, 1),
            "latency_ms": measured.ms and {name: round(value, 3) for name, value in measured.ms.items()},
            "errors": dict(measured.errors), "memory_mb": rounded(measured.memory_mb),
            "memory_all_mb": rounded(measured.memory_all_mb), "processes": measured.processes,
            "cpu_us_per_request": rounded(measured.cpu_us), "client_busy": round(measured.client_busy, 2),
            "budgets": [asdict(one) for one in held], "error": None}


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def lines(measured: load.Load, held: Sequence[budgets.Held], ready: float | None, rows_each: int, style: Style
          ) -> Iterator[str]:
    """What came of it, for people."""
    ms = measured.ms or {}
    failed = "; ".join(f"{words}: {count:,}" for words, count in sorted(measured.errors.items()))
    facts = [("ready after", f"{ready:.1f} s" if ready is not None else ""),
             ("requests/s", f"{number(round(measured.requests_per_second, 1))}  ({measured.answered:,} answered in "
                            f"{measured.seconds:.1f} s)"),
             ("rows/s", number(round(measured.rows_per_second, 1)) if rows_each > 1 else ""),
             *((name, f"{value:.3g} ms") for name, value in ms.items()),
             ("errors", style.bad(failed) if failed else style.good("none")),
             ("memory", memory(measured)),
             ("CPU", f"{measured.cpu_us:.0f} us a request" if measured.cpu_us else "")]
    yield from (f"  {name:<14}{words}" for name, words in facts if words)
    if measured.client_busy > BUSY:
        yield style.warn(f"  the client itself was busy for {measured.client_busy:.0%} of the time: the service may be "
                         "faster than this")
    yield from (budget_line(one, style) for one in held)


def memory(measured: load.Load) -> str:
    if not measured.memory_mb:
        return ""
    more = f" (the largest of {measured.processes} processes; {measured.memory_all_mb:.0f} MB together)"
    return f"{measured.memory_mb:.0f} MB" + (more if measured.processes > 1 else "")


def budget_line(one: budgets.Held, style: Style) -> str:
    least = "at least" if one.budget == "rows_per_second" else "at most"
    kept = {True: style.good("kept"), False: style.bad("NOT KEPT"), None: "not known: the service is elsewhere"}
    return f"  budget {one.budget}: {least} {number(one.limit)}, came {number(one.figure) or '-'}: {kept[one.kept]}"
