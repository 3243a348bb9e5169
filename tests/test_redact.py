"""Secrets are taken out in every form in which they turn up, and nothing else is."""

import base64
import copy
import html
import json
import random
import re
import textwrap
import time
from urllib.parse import quote, quote_plus

import pytest

from notemill.errors import UsageError
from notemill.redact import MASK, Redactor, logins

PLAIN = "hunter2swordfish"
ODD = "p\"a's\\s & <w>/ö€ 1%+=?"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nshort\nQEFAASCBKcwggSjAgEAAoIBAQ\n-----END KEY-----\n"
RED = "\x1b[31m"


def b64(text, before=b"", after=b""):
    return base64.b64encode(before + text.encode() + after).decode()


FORMS = {
    "as it is": str, "repr": repr, "ascii": ascii, "bytes' repr": lambda s: repr(s.encode()),
    "repr in a longer text": lambda s: repr(f"it's {s}"), "repr of repr": lambda s: repr(repr(s)),
    "json": json.dumps, "json in unicode": lambda s: json.dumps(s, ensure_ascii=False),
    "json in json": lambda s: json.dumps(json.dumps(s)),
    "json with escaped slashes": lambda s: json.dumps(s).replace("/", "\\/"),
    "json in a template": lambda s: re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", json.dumps(s)),
    "quote": quote, "quote all": lambda s: quote(s, safe=""), "quote_plus": quote_plus,
    "quote in small letters": lambda s: re.sub("%..", lambda match: match[0].lower(), quote(s, safe="")),
    "quoted twice": lambda s: quote(quote(s, safe=""), safe=""),
    "html": html.escape, "html without quotes": lambda s: html.escape(s, quote=False),
    "html by markupsafe": lambda s: html.escape(s).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "json in html": lambda s: html.escape(json.dumps(s)),
    "hex": lambda s: s.encode().hex(), "HEX": lambda s: s.encode().hex().upper(),
    "base64": b64, "base64 of user:password": lambda s: b64("user:" + s),
    "base64 with newline": lambda s: b64(s + "\n"),
    "base64 urlsafe": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "colours": lambda s: f"{RED}".join(s), "256 colours": lambda s: "\x1b[38;5;196m".join(s),
    "colours in json": lambda s: json.dumps({"t": f"{RED}".join(s)}),
}


def kept_of(secret, text):
    """What can still be read of the secret: its letters and digits in runs of 5."""
    runs = [secret[i:i + 5] for i in range(len(secret) - 4)]
    return [run for run in runs if run.isascii() and run.isalnum() and run in text]


@pytest.mark.parametrize("secret", [PLAIN, ODD, "x7Kq", "1234567890", "ключ-от-дома"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_redacted(form, secret):
    written = FORMS[form](secret)
    text = f"before {written} after"
    redacted = Redactor({"KEY": secret}).text(text)
    assert MASK in redacted and written not in redacted
    assert redacted.startswith("before ") and redacted.endswith(" after")
    assert len(redacted) <= len("before  after") + len(MASK) + 12       # nothing is left but quotes
    assert not kept_of(secret, redacted)


@pytest.mark.parametrize("secret", [PLAIN, ODD, "abcdefg", "abcdefgh", "abcdefghi"])
@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc", b"user:"])
@pytest.mark.parametrize("after", [b"", b"y", b"yz", b"\xff\xfe\xfd"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_redacted_at_each_alignment_and_no_bit_of_it_is_left(secret, before, after, encode):
    text = encode(before + secret.encode() + after).decode()
    redacted = Redactor({"KEY": secret}).text(text)
    first, last = 8 * len(before) // 6, (8 * (len(before) + len(secret.encode())) - 1) // 6
    assert redacted == text[:first] + MASK + text[last + 1:]


@pytest.mark.parametrize("shift", range(3))
def test_base64_is_redacted_where_its_lines_are_wrapped(shift):
    secret = "k" * 20 + PLAIN * 6
    text = base64.encodebytes(b"x" * (50 + shift) + secret.encode() + b"tail of the text" * 3).decode()
    assert text.count("\n") > 2
    for written in (text, repr(text), json.dumps(text), text.replace("\n", "\r\n"), text.replace("\n", "\n    ")):
        redacted = Redactor({"KEY": secret}).text(written)
        assert redacted.count(MASK) == 1 and len(redacted) < len(written) - 140


@pytest.mark.parametrize("width", [5, 11, 13])
def test_a_value_that_is_wrapped_over_lines_is_redacted(width):
    wrapped = "\n".join(textwrap.wrap(PLAIN, width))
    assert Redactor({"KEY": PLAIN}).text(f"a\n  {wrapped}\nz") == f"a\n  {MASK}\nz"


def test_a_short_value_is_not_looked_for_across_lines():
    redactor = Redactor({"KEY": "pass"})
    assert redactor.text("pa\nss") == "pa\nss"
    assert redactor.text(f"p{RED}ass") == MASK
    assert redactor.text("path\\npass") == f"path\\n{MASK}"


def test_gaps_do_not_hide_what_is_there_without_them():
    assert Redactor({"KEY": "newpassword1"}).text("C:\\newpassword1 \\n") == f"C:\\{MASK} \\n"
    assert Redactor({"KEY": "  \ntoken-1234\n"}).text("a\n    token-1234\nb") == f"a\n    {MASK}\nb"


def test_everything_else_stays_as_it_is():
    text = f"line\n\n  {RED}colour\x1b[0m \\n C:\\new\r\nend\n" + "".join(map(chr, range(0x500)))
    assert Redactor({"KEY": PLAIN, "ODD": ODD}).text(text) == text
    assert Redactor({"KEY": PLAIN}).text(text + PLAIN + text) == text + MASK + text
    assert Redactor({}).text(PLAIN) == PLAIN


def test_several_secrets_and_a_secret_within_another():
    redactor = Redactor({"A": "abcdef", "B": "xxabcdefyy", "C": "efgh"})
    text = "1 abcdef 2 xxabcdefyy 3 abcdefgh 4 abcdefabcdef"
    assert redactor.text(text) == f"1 {MASK} 2 {MASK} 3 {MASK} 4 {MASK}{MASK}"


@pytest.mark.parametrize("write", [str, repr, json.dumps, lambda s: json.dumps({"k": repr(s)}), b64, quote,
                                   lambda s: textwrap.indent(s, "    "), lambda s: s.replace("\n", "\r\n"),
                                   lambda s: s.splitlines()[1], lambda s: "> " + s.replace("\n", "\n> ")])
def test_keys_of_many_lines(write):
    redacted = Redactor({"KEY": KEY}).text("a " + write(KEY))
    assert "MIIE" not in redacted and "QEFAA" not in redacted and MASK in redacted
    assert not kept_of("MIIEvQIBADANBgkqhkiG9w0BAQ", redacted)


def test_the_password_of_an_address_is_a_secret_of_its_own():
    redactor = Redactor({"DB": "postgresql://me:p%40ssword@host/db"})
    assert redactor.text("no access for me with p@ssword / p%40ssword at host") == \
        f"no access for me with {MASK} / {MASK} at host"


def test_bytes_keep_what_is_no_text():
    data = b"\xff\x00\x80" + ODD.encode() + "ö".encode() + b"\xfe"
    assert Redactor({"KEY": ODD}).bytes(data) == b"\xff\x00\x80" + MASK.encode() + "ö".encode() + b"\xfe"
    assert Redactor({"KEY": PLAIN}).bytes(data) == data


def test_json_values_keys_and_numbers():
    redactor = Redactor({"KEY": PLAIN, "PIN": "123456"})
    value = {"a": [1, None, True, 2.5, f"x{PLAIN}"], PLAIN: {"b": 123456, "c": 1234567}}
    assert redactor.json(value) == {"a": [1, None, True, 2.5, f"x{MASK}"], MASK: {"b": MASK, "c": 1234567}}


@pytest.mark.parametrize("value", ["abc", " ab\n", "1"])
def test_values_that_are_too_short_are_refused_and_not_shown(value):
    with pytest.raises(UsageError) as caught:
        Redactor({"TOKEN": value})
    assert "TOKEN" in str(caught.value) and "too short to be redacted without harm" in str(caught.value)
    assert value not in str(caught.value).replace("characters", "").split("'")


def test_no_secrets_and_no_address():
    cells = notebook(code(source="a"), b=1)
    assert Redactor({}).notebook(cells) == cells
    assert Redactor({"KEY": "http://[no-address"}).text("at http://[no-address.") == f"at {MASK}."


def test_an_empty_value_hides_nothing():
    assert Redactor({"TOKEN": "", "B": "  "}).text("a  b") == "a  b"


def test_no_value_is_shown_by_repr():
    redactor = Redactor({"TOKEN": PLAIN})
    assert repr(redactor) == "Redactor(TOKEN)"
    assert PLAIN not in f"{redactor} {redactor!s}"


# Notebooks

def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def code(*outputs, **fields):
    return {"cell_type": "code", "id": "c1", "execution_count": 1, "metadata": {}, "source": "",
            "outputs": list(outputs), **fields}


def notebook(*cells, **metadata):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}


def cleaned(*outputs):
    before = notebook(code(*outputs))
    original = copy.deepcopy(before)
    after = Redactor({"KEY": PLAIN}).notebook(before)
    assert before == original
    assert PLAIN not in json.dumps(after) and not kept_of(PLAIN, json.dumps(after))
    return after["cells"][0]["outputs"]


@pytest.mark.parametrize("cut", [1, 7, len(PLAIN) - 1])
def test_a_secret_split_over_stream_outputs_merges_them(cut):
    parts = [stream("a " + PLAIN[:cut]), stream("log\n", "stderr"), stream(PLAIN[cut:] + " z\n"), stream("end\n")]
    assert cleaned(*parts) == [stream(f"a {MASK} z\nend\n"), stream("log\n", "stderr")]


def test_a_secret_split_over_many_outputs_and_by_colours():
    assert cleaned(*[stream(letter + RED) for letter in PLAIN]) == [stream(MASK + RED)]


def test_streams_without_a_split_secret_stay_apart():
    parts = [stream(f"a {PLAIN}\n"), stream("log\n", "stderr"), stream(f"{PLAIN}\n")]
    assert cleaned(*parts) == [stream(f"a {MASK}\n"), stream("log\n", "stderr"), stream(f"{MASK}\n")]


def test_halves_in_two_streams_are_not_one_secret():
    parts = [stream(PLAIN[:8] + "\n"), stream(PLAIN[8:] + "\n", "stderr")]
    assert Redactor({"KEY": PLAIN}).notebook(notebook(code(*parts)))["cells"][0]["outputs"] == parts


def test_lists_of_lines_are_redacted_as_one_text():
    secret = "first line of it\nsecond line here"  # pragma: allowlist secret
    lines = ["a\n", "first line of it\n", "second line here\n", "z"]
    out = Redactor({"KEY": secret}).notebook(notebook(code(stream(lines))))
    assert out["cells"][0]["outputs"][0]["text"] == ["a\n", MASK + "\n", "z"]


@pytest.mark.parametrize("mime", ["text/plain", "text/html", "text/latex", "text/markdown", "application/javascript",
                                  "image/svg+xml", "application/x-unknown"])
@pytest.mark.parametrize("kind", ["display_data", "execute_result"])
def test_display_data_of_every_kind_of_text(mime, kind):
    outputs = cleaned({"output_type": kind, "data": {mime: f"<b>{PLAIN}</b>"}, "metadata": {"m": PLAIN}})
    assert outputs == [{"output_type": kind, "data": {mime: f"<b>{MASK}</b>"}, "metadata": {"m": MASK}}]


@pytest.mark.parametrize("mime", ["application/json", "application/vnd.plotly.v1+json", "application/geo+json"])
def test_display_data_that_are_json(mime):
    data = {mime: {"x": [1, PLAIN], PLAIN: 2.5}}
    outputs = cleaned({"output_type": "display_data", "data": data, "metadata": {}})
    assert outputs[0]["data"] == {mime: {"x": [1, MASK], MASK: 2.5}}


def test_errors():
    outputs = cleaned({"output_type": "error", "ename": PLAIN, "evalue": f"no {PLAIN}", "traceback": [
        "\x1b[31mValueError", f"no {RED}{PLAIN[:5]}{RED}{PLAIN[5:]}"]})
    assert outputs[0] == {"output_type": "error", "ename": MASK, "evalue": f"no {MASK}",
                          "traceback": ["\x1b[31mValueError", f"no {RED}{MASK}"]}


def test_a_traceback_with_the_secret_over_two_of_its_texts():
    lines = ["a", PLAIN[:8], PLAIN[8:], "z"]
    outputs = cleaned({"output_type": "error", "ename": "E", "evalue": "", "traceback": lines})
    assert outputs[0]["traceback"] == ["a", MASK, "z"]


def test_sources_attachments_and_metadata():
    cells = [code(source=f"key = '{PLAIN}'", metadata={"k": [PLAIN]}),
             {"cell_type": "markdown", "metadata": {}, "source": [f"# {PLAIN}\n", "b"],
              "attachments": {"a": {"text/plain": PLAIN}}}]
    out = Redactor({"KEY": PLAIN}).notebook(notebook(*cells, widgets={"state": {"a": {"value": PLAIN}}}))
    assert PLAIN not in json.dumps(out) and json.dumps(out).count(MASK) == 5
    assert out["cells"][1]["source"] == [f"# {MASK}\n", "b"]
    assert out["nbformat"] == 4 and out["cells"][0]["id"] == "c1"


@pytest.mark.parametrize("mime", ["image/png", "application/pdf"])
def test_images_stay_as_they_are_unless_they_hold_the_secret(mime):
    pixels = random.Random(7).randbytes(5000)
    clean = {mime: base64.encodebytes(pixels).decode(), "text/plain": "<Figure>"}
    assert cleaned({"output_type": "display_data", "data": clean, "metadata": {}})[0]["data"] == clean
    tainted = {mime: base64.encodebytes(pixels + PLAIN.encode() + pixels).decode()}
    assert cleaned({"output_type": "display_data", "data": tainted, "metadata": {}})[0]["data"] == {"text/plain": MASK}


def test_a_large_image_is_not_spoilt_by_a_short_secret():
    data = {"image/png": base64.b64encode(random.Random(1).randbytes(3_000_000)).decode()}
    image = {"output_type": "display_data", "data": data, "metadata": {}}
    out = Redactor({"PIN": "1234"}).notebook(notebook(code(image)))
    assert out["cells"][0]["outputs"][0]["data"] == data


def test_30_mb_take_seconds_and_not_minutes():
    line = "epoch 12 loss 0.1234 accuracy 0.98 path C:\\name \x1b[32mfine\x1b[0m and some more words to be read\n"
    text = line * (30_000_000 // len(line))
    redactor = Redactor({"A": PLAIN, "B": ODD, "C": "f" * 40})
    started = time.process_time()
    assert redactor.text(text) == text
    assert redactor.text(text + PLAIN).endswith(MASK)
    assert time.process_time() - started < 30        # two times over, on a slow machine: a second or three each


@pytest.mark.parametrize("text", ["\x1b[" * 300_000, "\n " * 300_000, "\\n" * 300_000, "\x1b[1;" * 200_000,
                                  PLAIN[:-1] * 50_000, "a" * 1_000_000, ("a" * 11 + "\n") * 50_000])
def test_no_text_takes_for_ever(text):
    started = time.process_time()
    Redactor({"A": PLAIN, "B": "a" * 12 + "b", "C": "\n".join(["ab"] * 20)}).text(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("address, found", [
    ("https://abcdefgh@host/x", ["abcdefgh"]), ("https://me:s3cret@host", ["s3cret"]),  # pragma: allowlist secret
    ("https://mlflow@host", []), ("postgresql://postgres@db/x", []), ("http://[::1", []), ("plain words", []),
    ("https://ghp_0123456789abcdefghij:x-oauth-basic@host",  # pragma: allowlist secret
     ["x-oauth-basic", "ghp_0123456789abcdefghij"])])
def test_what_lets_one_in_at_an_address(address, found):
    assert logins(address) == found


def test_a_token_in_the_place_of_the_name_is_redacted_with_its_address():
    redactor = Redactor({"FEED": "https://abcd%2Fefgh@host/x"})
    assert redactor.text("token abcd/efgh, https://abcd%2Fefgh@host/x") == "token ******, ******"
