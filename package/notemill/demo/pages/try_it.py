"""Try it: the form at the left; at the right the answer, why, and what would change it."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from notemill.demo import answers, curl, drawn, form, links, logged, verdicts, whatif
from notemill.demo.explain import explain
from notemill.demo.state import Demo, Failed, current
from notemill.demo.words import cut, figure, named, percent, plain

ASKED = "asked"  # session: the row that is answered, its request in the log, the query that stands for it
EXAMPLE = "example"
MISSED = "missed"  # session: what a click should have called, which came before the session did
MOST_NAMED = 12


def show() -> None:
    demo = current()
    new = begin(demo)
    spoken = st.container(key="spoken")  # always the same element: a screen reader tells what changes in it
    left, right = st.columns([5, 6], gap="large")
    with left:
        ask(demo, new)
    with right:
        answer = tell(demo)
    spoken.markdown(drawn.spoken(answer, demo.target), unsafe_allow_html=True)


def begin(demo: Demo) -> bool:
    """A new visitor, or who went back to another address: its row. Who comes back from another page: the same row as
    before. Streamlit has then dropped both the form and the query. Whether the session is new: that of a page which
    was open while the demo was started anew begins with the next click, and what is in its form stays."""
    state, query = st.session_state, st.query_params.to_dict()
    asked, gone = state.get(ASKED), any(one.key not in state for one in demo.fields)
    if act := state.pop(MISSED, None):
        act()
    elif asked is None or query != asked["query"] and not (gone and not query):
        arrive(demo, query, new=asked is None)
    elif gone:
        fill(demo, asked["row"], asked["example"])
        address(asked["query"])
    return asked is None


def arrive(demo: Demo, query: dict, *, new: bool) -> None:
    """The row of a link, or the first example."""
    row, said = links.from_query(demo.fields, query)
    put(demo, row or demo.examples[0], None if row else 0, query, new=new)
    st.session_state["said"] = said


def put(demo: Demo, row: dict, example: int | None, query: dict, *, new: bool = False) -> None:
    """The row into the form, which in a new session begins with it, and answered."""
    if not new:
        fill(demo, row, example)
    row = {one.name: row.get(one.name) for one in demo.fields}
    st.session_state[ASKED] = {"row": row, "request": "", "example": example, "query": query}
    st.session_state["said"] = []
    address(query)


def fill(demo: Demo, row: dict, example: int | None) -> None:
    for key, value in form.state_of(demo.fields, row).items():
        st.session_state[key] = value
    st.session_state[EXAMPLE] = example


def address(query: dict) -> None:
    """The page's own from now on."""
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def query_of(demo: Demo, row: dict) -> dict:
    """Empty where the row is too long for an address: none, rather than that of another row."""
    return links.to_query(demo.fields, row) if links.link(demo.fields, row) else {}


def take_example() -> None:
    demo, number = current(), st.session_state[EXAMPLE]
    if number is not None:
        put(demo, demo.examples[number], number, query_of(demo, demo.examples[number]))


def take_form() -> None:
    demo = current()
    row = form.row_of(demo.fields, st.session_state)
    put(demo, row, None, query_of(demo, row))
    st.session_state[ASKED]["keep"] = True


def ask(demo: Demo, new: bool) -> None:
    st.header("The row", anchor=False)
    names, asked = example_names(demo), st.session_state[ASKED]
    held = form.state_of(demo.fields, asked["row"]) if new else {}
    chosen = st.selectbox("Begin with an example", range(len(names)), format_func=names.__getitem__, key=EXAMPLE,
                          index=asked["example"] if new else None, on_change=take_example,
                          placeholder="a row of the held-out data")
    if private := [one.name for one in demo.fields if one.private]:
        st.caption(plain(f"Private, and empty in the examples: {', '.join(map(cut, private))}."))
    with st.form("row", border=False):
        for begin in range(0, len(demo.fields), 2):
            for column, one in zip(st.columns(2), demo.fields[begin:begin + 2], strict=False):
                with column:
                    widget(one, held.get(one.key))
        sent = st.form_submit_button("Predict", type="primary", on_click=take_form, width="stretch")
    if new and (sent or chosen != asked["example"]):
        again(take_form if sent else take_example)


def again(act: Callable[[], None]) -> None:
    """The first click in a new session calls nothing back: it is done when the page runs once more."""
    st.session_state[MISSED] = act
    st.rerun()


def example_names(demo: Demo) -> list[str]:
    """What the model says of each; less where it said so of a row that is not shown whole."""
    golden = demo.loaded.golden
    return [form.example_name(number, drawn.called(said, demo.target) if shown == whole else "") for number, (
            shown, whole, said) in enumerate(zip(demo.examples, golden["rows"], golden["predictions"], strict=True))]


def widget(one: form.Field, begun: Any) -> None:
    """`begun`: what it holds in a new session, unless the browser says otherwise."""
    label = named(cut(one.name) + (f" ({cut(one.hint)})" if one.hint else ""))
    about = plain(cut(one.about, 300)) or None
    if one.kind in ("number", "whole"):
        st.number_input(label, value=begun, key=one.key, help=about, placeholder=one.empty,
                        **({"step": 1} if one.kind == "whole" else {"step": None, "format": "%g"}))
    elif one.kind in ("choice", "truth"):
        options = [str(choice) for choice in one.choices] or ["true", "false"]
        held = st.session_state.get(one.key, begun)
        extra = [held] if held is not None and held not in options else []
        place = None if begun is None else (options + extra).index(begun)
        st.selectbox(label, options + extra, index=place, key=one.key, help=about, placeholder=one.empty,
                     accept_new_options=one.kind == "choice" and one.open)
    else:
        hint = one.empty if one.kind == "text" else f"{one.empty}; write 2026-01-31T13:45:00"
        st.text_input(label, value=begun, key=one.key, help=about, placeholder=hint, max_chars=2000)


# the answer
def tell(demo: Demo) -> answers.Answer:
    asked = st.session_state[ASKED]
    for words in st.session_state.get("said", ()):
        st.warning(plain(words))
    answer = answers.ask(demo, asked["row"])
    if answer.problems:
        st.html(drawn.problems(answer.problems, answer.whose))
        return answer
    kept = in_log(demo, asked, answer)
    said(demo, asked["row"], answer)
    why(demo, asked["row"], answer)
    other(demo, asked["row"], answer)
    further(demo, asked, kept)
    st.html(drawn.bar_below(answer, demo.target))
    return answer


def said(demo: Demo, row: dict, answer: answers.Answer) -> None:
    """The prediction, another version's, and what to know of the row."""
    around = None if demo.classes else verdicts.around(demo.verdict, answer.prediction)
    st.html(drawn.answer(answer, demo.target, around))
    if demo.beside:
        st.html(drawn.other_version(demo.beside.version, once("beside", lambda: demo.beside.ask(row)),
                                    answer.prediction, demo.target))
    if answer.warnings:
        st.html(drawn.warnings(answer.warnings))


def in_log(demo: Demo, asked: dict, answer: answers.Answer) -> bool:
    """Whether the answer is in the log. What an example or a link shows was asked by nobody: it is not."""
    if asked.pop("keep", False):
        try:
            asked["request"] = logged.keep(demo, asked["row"], answer)
        except logged.NotKept as error:
            st.error(plain(f"The prediction log takes no more: {error}"))
    return bool(asked["request"])


def once(name: str, make: Callable[[], Any]) -> Any:
    """Kept for as long as the same row is shown: each click runs the page again."""
    kept = st.session_state[ASKED].setdefault("kept", {})
    if name not in kept:
        kept[name] = make()
    return kept[name]


def why(demo: Demo, row: dict, answer: answers.Answer) -> None:
    st.header("Why", anchor=False)
    points = bool(answer.probabilities)
    try:
        found = once("why", lambda: explain(answers.score_of(demo, answer), row, demo.loaded.golden["rows"]))
    except Failed as error:
        st.warning(plain(f"There is no explanation: asked about rows between this one and the examples, {error}"))
        return
    said = f"“{cut(drawn.called(answer.prediction, demo.target), 40)}”" if demo.classes else ""
    st.html(drawn.parts(found, row, points=points) + drawn.sum_of(found, said, points=points))


def other(demo: Demo, row: dict, answer: answers.Answer) -> None:
    st.header("What would change it", anchor=False)
    try:
        found, then = once("other", lambda: changed(demo, row, answer))
    except Failed as error:
        st.warning(plain(f"This is not known: asked about rows near this one, {error}"))
        return
    what = "another class" if demo.classes else (
        f"an answer that is off by {figure(answers.gap(demo, answer), 3)} or more, a tenth of what the answers to the "
        "example rows span")
    if found:
        st.html(drawn.changes(found, then))
    else:
        st.markdown(plain(f"No change of one input alone was found that gives {what}."))
    best = f"The smallest change of one input that gives {what}. " if found else ""
    st.caption(plain(best + tried(list(whatif.untried(row, demo.loaded.columns)))))


def tried(left: list[str]) -> str:
    """Among which values it was looked for."""
    more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
    but = f" Not tried: {', '.join(map(cut, left[:MOST_NAMED]))}{more}." if left else ""
    return f"Tried: other choices, and numbers between the least and the most of the training rows.{but}"


def changed(demo: Demo, row: dict, answer: answers.Answer) -> tuple[list, list[str]]:
    """(changes, what the model would say then)."""
    found = whatif.changes(row, demo.loaded.columns, answers.changed_of(demo, answer))
    if not found:
        return [], []
    then = demo.score([{**row, one.name: one.after} for one in found])
    return found, [told(demo, then, place) for place in range(len(found))]


def told(demo: Demo, scored, place: int) -> str:
    said = drawn.called(scored.predictions[place], demo.target)
    if scored.probabilities:
        said += f", {percent(max(scored.probabilities[place]))}"
    return f"then {said}"


def further(demo: Demo, asked: dict, kept: bool) -> None:
    if kept:
        flag(demo, asked)
    with st.expander("The same as a call of the scoring service"):
        st.code(curl.command(demo.fields, asked["row"], demo.service), language=None, wrap_lines=True)
        st.caption(f"`notemill serve` answers it. {held(demo, asked)}")


def held(demo: Demo, asked: dict) -> str:
    """What the page's address says of the row, as it is."""
    query = st.query_params.to_dict()
    if links.holds(demo.fields, query, asked["row"]):
        hidden = ", but what is private" if any(one.private for one in demo.fields) else ""
        return f"The address of this page holds the row as well{hidden}: it can be shared."
    if not query and asked["example"] == 0:
        return "The address of this page shows this example: it can be shared."
    return "The address of this page does not hold the row" + (
        "." if links.link(demo.fields, asked["row"]) else ": it is too long for one.")


def flag(demo: Demo, asked: dict) -> None:
    """This is wrong: into the prediction log."""
    if asked.get("wrong"):
        st.success("Noted in the prediction log as wrong. Thank you.")
        return
    with st.popover("This is wrong"), st.form("wrong", border=False):
        why = st.text_input("What would be right, or why it is wrong", max_chars=500)
        if st.form_submit_button("Note it in the prediction log"):
            try:
                logged.mark_wrong(demo, asked["request"], why)
            except logged.NotKept as error:
                st.error(plain(str(error)))
            else:
                asked["wrong"] = True
                st.rerun()
