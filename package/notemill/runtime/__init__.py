"""What a model package needs when it is used: copied into it as it is, so it imports nothing of notemill.

rows.py: any rows as the table that the model was trained on (quick.py: ordinary ones in microseconds; cautions.py: what
to say of them; frames.py); model.py: the model itself, plan/ its scoring plan, scored.py its answers; batch/: files of
any size; golden.py: rows whose predictions are known; commands.py: `python -m NAME_model`; served.py: the door for
MLflow.
"""
