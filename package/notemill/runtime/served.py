"""The door for MLflow: `mlflow.pyfunc.load_model` and `mlflow models serve` call `_load_pyfunc`."""

from pathlib import Path
from typing import Any

from .model import Model

METHODS = ("predict", "predict_proba")


class Served:
    """What MLflow asks for predictions."""

    def __init__(self, model: Model):
        self.model = model

    def predict(self, rows: Any, params: dict | None = None):
        """Predictions (n,); with params {"method": "predict_proba"} probabilities (n, classes)."""
        method = (params or {}).get("method", METHODS[0])
        if method not in METHODS:
            raise ValueError(f"the method '{method}' is none of {', '.join(METHODS)}")
        return getattr(self.model, method)(_by_rows(rows))


def _by_rows(rows: Any) -> Any:
    """MLflow's server makes {column: cells} of a request's `instances` and `inputs`."""
    import pandas as pd

    is_table = isinstance(rows, dict) and all(hasattr(cells, "__len__") and not isinstance(cells, str)
                                              for cells in rows.values())
    return pd.DataFrame(rows) if is_table else rows


def _load_pyfunc(path: str) -> Served:
    return Served(Model(Path(__file__).parent))
