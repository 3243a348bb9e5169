"""Many rows: a file up, faults by row, a look at it, and the scored file down."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from notemill.demo import download, drawn, form, received, uploads
from notemill.demo.limits import MOST_ROWS, BadFile
from notemill.demo.state import Demo, Failed, current
from notemill.demo.words import cut, plain

SHOWN, MOST_FAULTS = 100, 200
KEPT = "many-rows"  # in the visitor's session: (the file's id, what came of it)


@dataclass(frozen=True)
class Outcome:
    """What the page shows of a file: `wrong`, or the rest of it. The table itself is not kept."""

    wrong: str = ""
    rows: int = 0
    bad: int = 0
    whole: bool = False
    faults: str = ""
    scored: int = 0
    tally: str = ""
    first: Any = None
    csv: bytes = b""


def show() -> None:
    demo = current()
    st.header("Many rows", anchor=False)
    st.markdown(f"A table with the model's {len(demo.fields)} inputs as columns, in any order; others are kept as they "
                "are. It stays in this process's memory, and is not logged.")
    with st.expander(f"The {len(demo.fields)} columns"):
        st.html(drawn.columns(form.described(demo.loaded.columns)))
    example(demo)
    file = st.file_uploader(f"CSV or Parquet, at most 50 MB and {MOST_ROWS:,} rows",
                            type=["csv", "tsv", "txt", "parquet", "pq"])
    if file is None:
        st.session_state.pop(KEPT, None)
    else:
        tell(kept(demo, file), file.name)


def example(demo: Demo) -> None:
    st.download_button("Example file (CSV)", download.template(demo), "example.csv", "text/csv", on_click="ignore")
    private = [plain(cut(one.name)) for one in demo.fields if one.private]
    if private:
        st.caption(f"The example's rows are real ones: what is private is left empty in them ({', '.join(private)}).")


def kept(demo: Demo, file: Any) -> Outcome:
    """A file is read and scored once, however often its page is drawn."""
    known, found = st.session_state.get(KEPT, (None, None))
    if known != file.file_id:
        found = outcome(demo, file.name, file.getvalue())
        st.session_state[KEPT] = file.file_id, found
    return found


def outcome(demo: Demo, name: str, data: bytes) -> Outcome:
    try:
        done = uploads.score(demo, received.read(name, data))
    except BadFile as error:
        return Outcome(f"was not read: {error}")
    except Failed as error:
        return Outcome(f"was not scored: {error}")
    rows = {row for row, _, _ in done.faults}
    told = drawn.faults(done.faults[:MOST_FAULTS], len(done.faults)) if rows else ""
    if not done.scored:
        return Outcome("", len(done.table), len(rows), 0 in rows, told)
    return Outcome("", len(done.table), len(rows), 0 in rows, told, done.scored,
                   drawn.tally(done.answers(), demo.target, quantity=not demo.classes), done.answers_first(SHOWN),
                   download.as_csv(done.table))


def tell(found: Outcome, name: str) -> None:
    if found.wrong:
        st.error(f"**{plain(cut(name))}** {plain(found.wrong)}")
    if found.bad:
        st.error("Nothing was scored: the table lacks what the model needs." if found.whole else
                 f"{found.bad:,} of {found.rows:,} rows have faults and were not scored.")
        st.html(found.faults)
    if found.scored:
        scored(found, name)


def scored(found: Outcome, name: str) -> None:
    st.success(f"{found.scored:,} rows scored.")
    st.html(found.tally)
    st.dataframe(found.first, hide_index=True, width="stretch")
    if found.rows > SHOWN:
        st.caption(f"The first {SHOWN} of {found.rows:,} rows; the answers are at the left.")
    stem = "".join(sign for sign in name.rpartition(".")[0] if sign.isalnum() or sign in "-_ ")[:60] or "rows"
    st.download_button("Download scored (CSV)", found.csv, f"{stem}-scored.csv", "text/csv", type="primary",
                       on_click="ignore")
    st.caption("Cells that a spreadsheet would take for a formula have a quote before them in the download.")
