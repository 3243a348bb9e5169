"""What is decided, done at the forge: each thing once, though the steward is started anew in between."""

import re
from collections.abc import Mapping

from notemill.ci.http import Server
from notemill.ci.steward import forge as forge_api
from notemill.ci.steward.comment import MARK
from notemill.ci.steward.decide import CONTEXT, Decision
from notemill.ci.steward.facts import Pull, same
from notemill.ci.steward.markdown import plain

MOST_WORDS = 200


def say(slug: str, number: int, words: str) -> None:
    """A line for each thing that was done."""
    print(f"{slug}#{number}: {words}", flush=True)


def set_status(forge: Server, slug: str, pull: Pull, decision: Decision, me: str, page: str) -> bool:
    """Whether it had to be set. One that somebody else set in our name is set again."""
    body = {"context": CONTEXT, "state": decision.state, "description": plain(decision.words, MOST_WORDS),
            "target_url": page}
    now = forge_api.status(forge, slug, pull.head, CONTEXT)
    ours = now and same((now.get("creator") or {}).get("login", ""), me)
    if ours and now["status"] == body["state"] and now["description"] == body["description"]:
        return False
    forge_api.set_status(forge, slug, pull.head, body)
    whose = "" if ours or not now else f" (somebody else, {plain((now.get('creator') or {}).get('login'))}, had set it)"
    say(slug, pull.number, f"{CONTEXT} of {pull.head[:10]} is {body['state']}: {body['description']}{whose}")
    return True


def keep_comment(forge: Server, slug: str, number: int, body: str, me: str) -> bool:
    """Whether it had to be written, or changed."""
    ours = [one for one in forge_api.comments(forge, slug, number) if is_ours(one, me)]
    if not ours:
        forge_api.comment(forge, slug, number, body)
    elif normal(ours[0]["body"]) != normal(body):
        forge_api.change_comment(forge, slug, ours[0]["id"], body)
    else:
        return False
    say(slug, number, f"comment {'changed' if ours else 'written'}")
    return True


def is_ours(one: Mapping, me: str) -> bool:
    return same((one.get("user") or {}).get("login", ""), me) and one["body"].startswith(MARK)


def normal(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def ask_merge(forge: Server, slug: str, pull: Pull) -> bool:
    """Ask once: whoever takes it back, or asked before, has the last word."""
    if forge_api.was_scheduled(forge, slug, pull.number):
        return True
    asked = forge_api.ask_merge(forge, slug, pull.number, title(pull), pull.head)
    if asked:
        say(slug, pull.number, f"merge of {pull.head[:10]} asked for, once all checks are green")
    return asked


def title(pull: Pull) -> str:
    """The squashed commit's; nothing in it tells Drone to skip main's build: [ci skip], [skip ci], ***no_ci***."""
    words = re.sub(r"\*{2,}", "*", plain(pull.title, 120)).replace("[", "(").replace("]", ")")
    return f"{words} (#{pull.number})"
