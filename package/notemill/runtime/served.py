"""The door for MLflow: `mlflow.pyfunc.load_model` and `mlflow models serve` call `_load_pyfunc`."""

from pathlib import Path

from .model import Model


class Served:
    """What MLflow asks for predictions."""

    def __init__(self, model: Model):
        self.model = model

    def predict(self, rows, params: dict | None = None):
        """Predictions (n,); with params {"method": "predict_proba"} probabilities (n, classes)."""
        return getattr(self.model, (params or {}).get("method", "predict"))(rows)


def _load_pyfunc(path: str) -> Served:
    return Served(Model(Path(__file__).parent))
