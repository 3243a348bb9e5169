"""A notebook's cells as a report shows them: whole texts, numbers, anchors, folds, and which cell failed."""

import copy
import re
from collections.abc import Callable

from notemill.report import page
from notemill.text import size

INJECTED = "injected-parameters"
MARKER = "papermill-error-cell-tag"
HIDDEN_CODE = {"hide-input", "hide_input", "remove-input", "remove_input", "hide-cell", "remove-cell", "remove_cell"}
HIDDEN_OUTPUT = {"hide-output", "hide_output", "remove-output", "remove_output", "hide-cell", "remove-cell",
                 "remove_cell"}
TEXT_CAP = 5_000_000
RICH_CAP = 20_000_000
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", flags=re.M | re.S)
HEADING = 120
FEWEST = 3          # headings for which a list of contents is worth its place
TEXT_TYPES = ("text/plain", "text/markdown", "text/latex")


def text_of(value: object) -> str:
    """nbformat's text: a string, or a list of lines; anything else as it prints."""
    if isinstance(value, list):
        return "".join(map(text_of, value))
    return value if isinstance(value, str) else "" if value is None else str(value)


def mapping(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def tags_of(cell: dict) -> set[str]:
    tags = mapping(cell.get("metadata")).get("tags")
    return {tag for tag in tags if isinstance(tag, str)} if isinstance(tags, list) else set()


def current_text(executed: dict, source: dict, counts: Callable[[str], bool] = str.strip) -> dict:
    """`executed` with the texts of `source`: its Markdown, comments and layout, the outputs of the executed code cells.

    `counts` says of a cell's code whether it does anything: a cell of comments may come and go. Raises ValueError where
    the two do not have the same number of code cells that count.
    """
    done = [cell for cell in code_cells(executed, counts) if INJECTED not in tags_of(cell)]
    code = code_cells(source, counts)
    if len(done) != len(code):
        raise ValueError(f"executed notebook has {len(done)} code cells, its source has {len(code)}")
    results = {id(cell): result for cell, result in zip(code, done, strict=True)}
    cells = [with_result(cell, results.get(id(cell), {})) if cell["cell_type"] == "code" else copy.deepcopy(cell)
             for cell in source["cells"]]
    put_injected(cells, executed["cells"])
    return {**copy.deepcopy(executed), "cells": cells}


def code_cells(notebook: dict, counts: Callable[[str], bool]) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and counts(text_of(cell["source"]))]


def with_result(cell: dict, done: dict) -> dict:
    """The source's cell with what came out when its code ran."""
    metadata = {**done.get("metadata", {}), **cell.get("metadata", {})}
    if "papermill" in done.get("metadata", {}):
        metadata["papermill"] = done["metadata"]["papermill"]
    result = {"outputs": done.get("outputs", []), "execution_count": done.get("execution_count")}
    return copy.deepcopy({**cell, **result, "metadata": metadata})


def put_injected(cells: list[dict], executed: list[dict]) -> None:
    """Insert the injected parameters behind as many code cells as they had before them when they ran."""
    before = 0
    for cell in executed:
        if INJECTED in tags_of(cell):
            places = [n for n, own in enumerate(cells) if own["cell_type"] == "code"]
            last = min(before, len(places)) - 1
            cells.insert(places[last] + 1 if last >= 0 else 0, copy.deepcopy(cell))
            return
        before += cell["cell_type"] == "code"


def shown_cells(notebook: dict) -> list[dict]:
    """Plain cells with `number`, `anchor`, `failed`, `fold_code`, `fold_output`, `error`; broken ones made harmless."""
    cells, number = [], 0
    for raw in notebook.get("cells") or []:
        cell = mapping(raw)
        tags = tags_of(cell)
        if MARKER in tags:
            continue
        injected = INJECTED in tags
        number += not injected
        cells.append(shown_cell(cell, tags, None if injected else number))
    keep_first_failure(cells)
    return cells


def shown_cell(cell: dict, tags: set[str], number: int | None) -> dict:
    metadata = mapping(cell.get("metadata"))
    jupyter = mapping(metadata.get("jupyter"))
    kind = cell.get("cell_type")
    return {"cell_type": kind if kind in ("code", "markdown", "raw") else "raw", "source": text_of(cell.get("source")),
            "metadata": metadata, "attachments": mapping(cell.get("attachments")),
            "execution_count": cell.get("execution_count"), "number": number,
            "anchor": f"cell-{number}" if number else "parameters", "failed": has_failed(cell, tags),
            "fold_code": bool(tags & HIDDEN_CODE or jupyter.get("source_hidden")),
            "fold_output": bool(tags & HIDDEN_OUTPUT or jupyter.get("outputs_hidden") or metadata.get("collapsed")),
            "outputs": shown_outputs(cell.get("outputs")), "error": error_of(cell)}


def headings(cells: list[dict]) -> list[dict]:
    """The headings of the Markdown cells, to three levels: `level`, `text`, the cell's `anchor`."""
    found = []
    for cell in cells:
        prose = FENCE.sub("", cell["source"]) if cell["cell_type"] == "markdown" else ""
        found += [{"level": len(marks), "text": page.plain(text)[:HEADING], "anchor": cell["anchor"]}
                  for marks, text in re.findall(r"^ {0,3}(#{1,3})[ \t]+(.*\S)", prose, flags=re.M)]
    return [heading for heading in found if heading["text"]]


def outputs_of(cell: dict) -> list[dict]:
    outputs = cell.get("outputs")
    return [output for output in outputs if isinstance(output, dict)] if isinstance(outputs, list) else []


def has_failed(cell: dict, tags: set[str]) -> bool:
    """Papermill's word, else an error that was not asked for (`raises-exception`, `sys.exit(0)`)."""
    if mapping(mapping(cell.get("metadata")).get("papermill")).get("exception") is True:
        return True
    return "raises-exception" not in tags and any(is_error(output) for output in outputs_of(cell))


def is_error(output: dict) -> bool:
    clean_exit = output.get("ename") == "SystemExit" and text_of(output.get("evalue")) in ("", "0")
    return output.get("output_type") == "error" and not clean_exit


def keep_first_failure(cells: list[dict]) -> None:
    """Only the first failed cell is the failing one; the rest never ran or came after it."""
    failed = [cell for cell in cells if cell["failed"]]
    for cell in failed[1:]:
        cell["failed"] = False


def error_of(cell: dict) -> dict | None:
    """Name and message of the cell's error."""
    for output in outputs_of(cell):
        if is_error(output):
            return {"name": text_of(output.get("ename")) or "Error", "message": plain(text_of(output.get("evalue")))}
    return None


def plain(text: str, most: int = 2000) -> str:
    """Without terminal colours, at most `most` characters."""
    text = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", text)
    return text if len(text) <= most else text[:most] + " …"


def shown_outputs(outputs: object) -> list[dict]:
    """Streams joined and settled, data texts whole, each within its cap."""
    shown: list[dict] = []
    for output in outputs_of({"outputs": outputs}):
        kind = output.get("output_type")
        if kind == "stream":
            add_stream(shown, output)
        elif kind == "error":
            lines = output.get("traceback")
            text = "\n".join(map(text_of, lines)) if isinstance(lines, list) else ""
            shown.append({"output_type": "error", **capped(text or text_of(output.get("evalue")))})
        else:
            shown.append({"output_type": "display_data", "data": capped_data(mapping(output.get("data"))),
                          "metadata": mapping(output.get("metadata"))})
    for output in shown:
        if output["output_type"] == "stream":
            output.update(capped(settle("".join(output.pop("parts")))))
    return shown


def add_stream(shown: list[dict], output: dict) -> None:
    name = "stderr" if output.get("name") == "stderr" else "stdout"
    if not (shown and shown[-1].get("name") == name):
        shown.append({"output_type": "stream", "name": name, "parts": []})
    shown[-1]["parts"].append(text_of(output.get("text")))


def settle(text: str) -> str:
    """What a terminal would show in the end: a progress bar's last state, not each one."""
    if "\r" not in text:
        return text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def capped(text: str) -> dict:
    note = f"Cut here: {size(len(text))} in all, {size(TEXT_CAP)} shown." if len(text) > TEXT_CAP else None
    return {"text": text[:TEXT_CAP], "note": note}


def capped_data(data: dict) -> dict:
    """Texts cut at their cap; other formats that are too large left out, with a note in `note`."""
    kept: dict = {}
    for kind, value in data.items():
        value = text_of(value) if isinstance(value, (str, list)) and not kind.endswith("json") else value
        if kind in TEXT_TYPES and len(text_of(value)) > TEXT_CAP:
            cut = capped(text_of(value))
            kept["text/plain"], kept["note"] = cut["text"], cut["note"]
        elif isinstance(value, str) and len(value) > RICH_CAP:
            kept["note"] = f"Left out: {kind}, {size(len(value))}."
        else:
            kept.setdefault(kind, value)
    return kept
