"""Run notebooks by `papermill.execute_notebook`: `python calls.py JOB.json`; prints the seconds that the calls took.

JOB.json: {"pairs": [[notebook, executed], ...], "engine": null | NAME, "processes": N, "parameters": [{...}, ...]}. A
process of its own for each measurement, as a user's would be; with N = 1 the calls are made in it itself.
"""

import json
import logging
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import papermill


def execute(notebook: str, executed: str, parameters: dict, engine: str | None) -> None:
    papermill.execute_notebook(notebook, executed, parameters=parameters, engine_name=engine, progress_bar=False,
                               log_output=False)


def main(job: dict) -> None:
    logging.disable(logging.CRITICAL)
    work = [(*pair, parameters, job["engine"]) for pair, parameters in
            zip(job["pairs"], job["parameters"], strict=True)]
    began = time.perf_counter()
    if job["processes"] == 1:
        for one in work:
            execute(*one)
    else:
        with ProcessPoolExecutor(job["processes"]) as pool:
            for done in [pool.submit(execute, *one) for one in work]:
                done.result()
    print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        main(json.load(file))
