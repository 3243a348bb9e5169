"""What whoever opens an archive reads first."""

from collections.abc import Iterable, Mapping

TEXT = """{name}, version {version}
{line}

This archive holds everything that is known of one version of a model: the model itself, the wheel that installs it,
the verdict that let it pass, its card, where it comes from, and what became of it. It was written by
`notemill export`, and can be verified without notemill, without a network and without MLflow.

WHAT IS WHAT

README.txt          this text
wheel/              the model package: pip install wheel/{wheel}
version/            what the version is made of: model.skops (the model), schema.json (its columns), types.json (the
                    types that were reviewed), verdict.json and verdict.html (every check of the gate), card.md and
                    card.html (the model card; human.md is what people wrote for it, card.json its facts),
                    provenance.json (an in-toto statement: commit, notebooks and data by sha256), golden.json (rows
                    with the answers that the model gave), code/ (modules that it needs), runtime/ (the package's own)
manifest.json       the version's files by sha256, and the facts by which the registry knows it; canonical JSON
{parts}archive.json        which version this is, and its wheel
SHA256SUMS          the sha256 of every file
verify.py           verifies all of this; needs Python 3.11 and nothing else

Data is not in here, but for the golden rows: tables are named by their sha256.
{absent}
HOW TO VERIFY IT

    sha256sum -c SHA256SUMS         every file is there, and unchanged
    python verify.py                the same, and that the parts belong together: that the manifest names these files,
                                    that the wheel holds this version and nothing else, that the ledger is one chain

WHAT THAT PROVES, AND WHAT ONLY A SIGNATURE CAN

Sums, and a program, that come with an archive prove that it is whole: nothing was lost or changed by accident, and
nobody changed a part of it alone. They do not prove who wrote it. Whoever can write an archive can write its sums, too,
and another verify.py.
{signature}"""
SIGNED = """
This archive is signed. SHA256SUMS.sig is the signature of SHA256SUMS, and through it of every file; the wheel has one
of its own. With the public key of whoever handed it over, which you have from them and not from this archive:

    python verify.py --key PUBLIC.pem                               needs: pip install cryptography
    NOTEMILL_TRUSTED_KEY=PUBLIC.pem notemill verify ARCHIVE.zip     needs: pip install 'notemill[sign]'

The second takes nothing from the archive but the files that it looks at; the first trusts the verify.py in it.
"""
UNSIGNED = """
This archive is not signed. If it matters who wrote it, ask for one that is, or compare the sha256 of the whole file
with what they tell you on another way.
"""
PARTS = {"ledger/": "the model's ledger: each promotion, rollback and approval, each naming the one before it by\n"
                    "                    its sha256",
         "runs/": "the run that made the model (run.json), what was installed, and the executed notebooks as pages",
         "attempts/": "when this content was judged on which held-out rows"}


def readme(facts: Mapping, names: Iterable[str], absent: Iterable[str], *, signed: bool) -> str:
    """The text for an archive of these files; `absent` says what could not be had any more."""
    names, title = list(names), f"{facts['name']}, version {facts['version']}"
    parts = "".join(f"{folder:<20}{what}\n" for folder, what in PARTS.items()
                    if any(name.startswith(folder) for name in names))
    lacking = "".join(f"  - {line}\n" for line in absent)
    return TEXT.format(name=facts["name"], version=facts["version"], line="=" * len(title), wheel=facts["wheel"],
                       parts=parts, signature=SIGNED if signed else UNSIGNED,
                       absent=f"\nWHAT COULD NOT BE HAD ANY MORE\n\n{lacking}" if lacking else "")
