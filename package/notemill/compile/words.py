"""HashingVectorizer: words at the places that their hashes say."""

from notemill.compile.compiling import transformer
from notemill.compile.values import NotCompiled, Plan, Value

PATTERN = r"(?u)\b\w\w+\b"  # scikit-learn's own
MOST = 4096  # columns
USUAL = {"analyzer": "word", "tokenizer": None, "preprocessor": None, "stop_words": None, "strip_accents": None,
         "ngram_range": (1, 1), "token_pattern": PATTERN}


@transformer("HashingVectorizer")
def hashing(fitted, values: list[Value], plan: Plan) -> list[Value]:
    odd = [name for name, usual in USUAL.items() if getattr(fitted, name) != usual]
    if odd or fitted.n_features > MOST:
        raise NotCompiled(f"HashingVectorizer with {odd[0] if odd else 'n_features'} "
                          f"{getattr(fitted, odd[0] if odd else 'n_features')!r}")
    if len(values) != 1 or values[0].form != "text":
        raise NotCompiled("HashingVectorizer on what is no column of text")
    slot = plan.add("hash words", values[0].slot, places=fitted.n_features, lowercase=fitted.lowercase,
                    norm=fitted.norm, signs=fitted.alternate_sign, binary=fitted.binary)
    return [Value(plan.add("pick", slot, place=place)) for place in range(fitted.n_features)]
