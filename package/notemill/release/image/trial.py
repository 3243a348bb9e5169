"""An image is run as it will be, and asked, before it has a name: read-only, no network, nobody's rights."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping

from notemill.errors import NotemillError
from notemill.release.image.context import FILES
from notemill.release.image.engine import age, in_words, made
from notemill.release.image.inside import run
from notemill.release.image.source import Source
from notemill.runtime.golden import same
from notemill.text import clip, printable

# As `docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --network none`.
AS_IT_WILL_BE = {"read_only": True, "tmpfs": {"/tmp": "size=256m"}, "cap_drop": ["ALL"],
                 "security_opt": ["no-new-privileges"], "network_mode": "none"}
PATIENCE, PAUSE = 120.0, 0.2  # seconds
LAST_LINES = 15
MARK = {"notemill.trial": "yes"}
LONGEST = 3600.0  # seconds: no trial takes that long


def trial(client, image: str, source: Source, demo: bool) -> Mapping[str, float]:
    """Seconds from `docker run` until each part was ready.

    Raises NotemillError where one does not start, or answers wrongly.
    """
    modes, took = ["serve", *(["demo"] if demo else [])], {}
    with in_words("the image"), contextlib.ExitStack() as stack:
        clear(client)
        for mode in modes:
            began = time.monotonic()
            container = stack.enter_context(running(client, image, mode))
            wait(container, mode)
            took[mode] = round(time.monotonic() - began, 1)
            if mode == "serve":
                check_answers(container, source)
    return took


def clear(client) -> None:
    """Take away what was left by trials that were killed: it would serve, and hold its memory, for good."""
    import docker.errors

    label = "=".join(*MARK.items())
    for container in client.containers.list(all=True, filters={"label": label}, ignore_removed=True):
        if age(container) > LONGEST:
            with contextlib.suppress(docker.errors.APIError):  # somebody else is at it
                container.remove(force=True, v=True)


@contextlib.contextmanager
def running(client, image: str, mode: str) -> Iterator:
    """A container of it, as it will be."""
    with made(client, image, [mode], labels=MARK, **AS_IT_WILL_BE) as container:
        container.start()
        yield container


def wait(container, mode: str) -> None:
    """Until it says that it is ready, by the image's own check of its health."""
    until = time.monotonic() + PATIENCE
    while True:
        container.reload()
        if container.status != "running":
            raise failed(container, f"the {named(mode)} ended with exit code {container.attrs['State']['ExitCode']}")
        if inside(container, ["notemill-model", "health"])[0] == 0:
            return
        if time.monotonic() > until:
            raise failed(container, f"the {named(mode)} was not ready after {PATIENCE:.0f} s")
        time.sleep(PAUSE)


def inside(container, words: list[str]) -> tuple[int, bytes, bytes]:
    """A command's exit code, output and errors; no success where the container has just ended."""
    import docker.errors

    try:
        return run(container, words)
    except (docker.errors.APIError, OSError) as error:
        return 1, b"", str(getattr(error, "explanation", None) or error).encode()


def named(mode: str) -> str:
    return {"serve": "scoring service"}.get(mode, mode)


def check_answers(container, source: Source) -> None:
    """The golden rows through its own door, together and each alone. Raises NotemillError where it answers wrongly."""
    script = (FILES / "asking.py").read_text(encoding="utf-8")
    code, out, err = inside(container, ["python3", "-c", script, source.facts["package"]])
    if code:
        last = printable((err.decode(errors="replace").strip().splitlines() or ["nothing"])[-1])
        raise failed(container, f"its service does not answer the golden rows: {clip(last, 300)}")
    try:
        wrong = list(differences(source, json.loads(out)))
    except (ValueError, LookupError, TypeError) as error:
        raise failed(container, f"its service answers something else than predictions: {error!r}") from None
    if wrong:
        more = f"\n  and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise failed(container, "it answers wrongly\n  " + "\n  ".join(wrong[:5]) + more)


def differences(source: Source, said: Mapping) -> Iterator[str]:
    """What differs from what the model said when it was judged, in words."""
    if said["golden_sha256"] != source.golden_sha256:
        yield "its golden rows are not those of the wheel"
    if (said["model"]["version"], said["model"]["digest"]) != (source.facts["version"], source.facts["content"]):
        yield f"it says that it is {said['model']['version']}, content {said['model']['digest']}"
    for way, answers in (("", said["together"]), (" alone", said["alone"])):
        for what in ("predictions", "probabilities"):
            before, now = source.golden.get(what) or [], answers[what] or []
            if len(before) != len(now):
                yield f"{what}: {len(before)} are recorded, it gives {len(now)}"
            for row, (old, new) in enumerate(zip(before, now, strict=False)):
                if not same(old, new):
                    yield clip(f"row {row + 1}{way}: {what} was {old}, is {new}", 200)


def failed(container, why: str) -> NotemillError:
    """With the last lines of what the container said."""
    said = container.logs(tail=LAST_LINES).decode(errors="replace").splitlines()
    lines = [f"| {clip(printable(line), 300)}" for line in said[-LAST_LINES:]]
    return NotemillError("the image", "\n  ".join([why, *(["its last lines:", *lines] if lines else [])]),
                         hint="it gets no name, and is not pushed")
