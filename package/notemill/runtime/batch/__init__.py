"""Scoring files of any size: CSV and Parquet, in parallel, in bounded memory, taken up again after a kill.

score.py is the way through: asked.py (what is wanted) with inputs.py and tables.py (CSV and Parquet; blocks.py,
scan.py), job.py (into which tasks it is divided), pool.py (processes), section.py (one task: columns.py, chunks.py),
results.py and output.py (what appears in the end), record.py, work.py (what is kept meanwhile), progress.py.
"""
