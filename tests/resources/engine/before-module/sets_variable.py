import os

os.environ["SKLEARN_ASSUME_FINITE"] = "True"
