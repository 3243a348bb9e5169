"""What a model package needs when it is used: copied into it as it is, so it imports nothing of notemill.

rows.py: any rows as the table that the model was trained on; model.py: the model itself; score.py: files of any size,
which tables.py reads and writes; golden.py: rows whose predictions are known; commands.py: `python -m NAME_model`;
served.py: the door for MLflow.
"""
