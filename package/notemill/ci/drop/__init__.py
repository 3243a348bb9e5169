"""The drop: a small HTTP service that keeps what builds hand out, by its content. `python -m notemill.ci.drop`.

Nobody can replace or list what is there: an address holds the content's own sha256, and each file is written once.
"""
