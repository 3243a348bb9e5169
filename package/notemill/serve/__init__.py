"""The scoring service: one model package behind HTTP. It imports nothing of notemill but itself.

main.py: the command (options.py); loading.py: the package, checked before it listens; server.py, workers.py: uvicorn,
once or often; guarded.py: what it lacks; app.py: which address goes where; scoring.py: rows in, answers out, whatever
the door: predict.py, v2.py (Open Inference Protocol), invocations.py (MLflow); log/: the prediction log.
"""
