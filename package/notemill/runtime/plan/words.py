"""Texts as counts of hashed words: what scikit-learn's HashingVectorizer makes of them."""

import math
import re
from functools import lru_cache

import numpy as np

WORDS = re.compile(r"\b\w\w+\b").findall  # as scikit-learn's vectorizers split a text
LONG = 64  # longer words are not remembered


class HashWords:
    """The words of a text, each at the place that its hash says.

    (places,) for a text, (n, places) for a column. `norm`: "l1", "l2" or None; `signs`: whether a word's hash says if
    it counts 1 or -1; `binary`: 1 for whatever is there.
    """

    def __init__(self, places: int, lowercase: bool, norm: str | None, signs: bool, binary: bool):
        self.places, self.lowercase = places, lowercase
        self.norm, self.signs, self.binary = norm, signs, binary

    def one(self, text):
        found = np.zeros(self.places)
        if text is None or text != text:
            return found + math.nan  # scikit-learn refuses it
        for place, count in self.counts(text).items():
            found[place] = count
        return found / self.length(found)

    def counts(self, text: str) -> dict[int, float]:
        counted = {}
        for word in WORDS(text.lower() if self.lowercase else text):
            hashed = murmur_of(word)
            place = abs(hashed) % self.places
            counted[place] = counted.get(place, 0.0) + (-1.0 if self.signs and hashed < 0 else 1.0)
        return dict.fromkeys(counted, 1.0) if self.binary else counted

    def length(self, found) -> float:
        """What a row is divided by."""
        if self.norm is None:
            return 1.0
        return (float(np.abs(found).sum()) if self.norm == "l1" else math.sqrt(float(found @ found))) or 1.0

    def many(self, texts):
        """Each of a column's texts once."""
        import pandas as pd

        codes, known = pd.factorize(texts)
        rows = np.array([self.one(text) for text in [*known, None]]).reshape(-1, self.places)
        return rows[codes]  # a missing text is -1: the last


def murmur_of(word: str) -> int:
    """MurmurHash3 (32 bits, seed 0) of a word in UTF-8, as a signed number."""
    return short_word(word) if len(word) <= LONG else murmur(word.encode())


@lru_cache(maxsize=10_000)
def short_word(word: str) -> int:
    return murmur(word.encode())


def murmur(data: bytes) -> int:
    """Austin Appleby's MurmurHash3_x86_32."""
    whole = len(data) & ~3
    state = 0
    for first in range(0, whole, 4):
        state ^= scrambled(int.from_bytes(data[first:first + 4], "little"))
        state = ((state << 13 | state >> 19) * 5 + 0xE6546B64) & 0xFFFFFFFF
    if len(data) > whole:
        state ^= scrambled(int.from_bytes(data[whole:], "little"))
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    state = (state ^ state >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    state ^= state >> 16
    return state - (state >> 31 << 32)


def scrambled(block: int) -> int:
    block = block * 0xCC9E2D51 & 0xFFFFFFFF
    return (block << 15 | block >> 17) * 0x1B873593 & 0xFFFFFFFF
