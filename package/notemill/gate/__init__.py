"""The gate: it loads the model and the held-out rows itself, computes everything, and believes nobody's figures.

`notemill.gate.judge.judge(project, record)` gives the verdict on a run.
"""
