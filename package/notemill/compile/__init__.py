"""From a fitted scikit-learn pipeline to a scoring plan (runtime/plan), and the proof that both say the same.

compiling.py walks through the pipeline; each other file knows some kinds of transformer or model: a function takes the
fitted estimator and the values that go into it, and returns those that come out. A kind more is a function more, with
`@transformer("ClassName")` or `@model("ClassName")`. compare.py holds the plan against scikit-learn, on hard.py's rows
too.
"""

from notemill.compile.compiling import compile_pipeline
from notemill.compile.making import make, make_plan
from notemill.compile.values import NotCompiled

__all__ = ["NotCompiled", "compile_pipeline", "make", "make_plan"]
