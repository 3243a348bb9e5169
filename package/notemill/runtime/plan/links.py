"""From raw scores to answers: probabilities of classes, or a quantity. `one` takes a list, `many` (n, outputs)."""

import math

import numpy as np

LEAST_SHARE = 1e-12  # as scikit-learn adds before it takes a logarithm


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    low = math.exp(x)
    return low / (1 + low)


def sigmoids(x):
    """`sigmoid` of an array."""
    with np.errstate(over="ignore"):
        return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


class Link:
    """`width`: how many numbers come out for so many scores."""

    def width(self, scores: int) -> int:
        return scores


class Identity(Link):
    """The score itself."""

    def one(self, scores):
        return scores

    def many(self, scores):
        return scores


class Exponential(Link):
    """exp: a count or an amount, of a model with a log link."""

    def one(self, scores):
        return [math.exp(score) for score in scores]

    def many(self, scores):
        return np.exp(scores)


class TwoClasses(Link):
    """One score: the log odds of the second class."""

    def width(self, scores: int) -> int:
        return 2

    def one(self, scores):
        high = sigmoid(scores[0])
        return [1 - high, high]

    def many(self, scores):
        high = sigmoids(scores[:, :1])
        return np.hstack([1 - high, high])


class Softmax(Link):
    """A score for each class: shares of their exponentials."""

    def one(self, scores):
        most = max(scores)
        shares = [math.exp(score - most) for score in scores]
        total = sum(shares)
        return [share / total for share in shares]

    def many(self, scores):
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)


class OneVersusRest(Link):
    """A sigmoid of each class's score, made to add up to 1."""

    def one(self, scores):
        shares = [sigmoid(score) for score in scores]
        total = sum(shares)
        return [share / total for share in shares]

    def many(self, scores):
        shares = sigmoids(scores)
        return shares / shares.sum(axis=1, keepdims=True)


class Shares(Link):
    """Scores that are shares of the classes already, made to add up to 1."""

    def one(self, scores):
        total = sum(scores)
        return [score / total for score in scores]

    def many(self, scores):
        return scores / scores.sum(axis=1, keepdims=True)


class Second(Link):
    """Of two classes' shares the second's alone, as a score."""

    def width(self, scores: int) -> int:
        return 1

    def one(self, scores):
        return [scores[1]]

    def many(self, scores):
        return scores[:, 1:2]


class Votes(Link):
    """Scores that are no probabilities: the highest wins. A single one is for the second class where it is above 0."""

    def width(self, scores: int) -> int:
        return max(2, scores)

    def one(self, scores):
        return [-scores[0], scores[0]] if len(scores) == 1 else scores

    def many(self, scores):
        return np.hstack([-scores, scores]) if scores.shape[1] == 1 else scores


class Logarithm(Link):
    """Logarithms of shares, as scores: what temperature scaling does to a model's probabilities."""

    def one(self, scores):
        return [math.log(score + LEAST_SHARE) for score in scores]

    def many(self, scores):
        return np.log(scores + LEAST_SHARE)


class ExponentialLess1(Exponential):
    """exp(x) - 1: back from log1p."""

    def one(self, scores):
        return [math.expm1(score) for score in scores]

    def many(self, scores):
        return np.expm1(scores)


LINKS = {"identity": Identity, "exponential": Exponential, "expm1": ExponentialLess1, "two classes": TwoClasses,
         "softmax": Softmax, "one versus rest": OneVersusRest, "shares": Shares, "second": Second, "votes": Votes,
         "logarithm": Logarithm}
