"""What is large in an image, and why it is there."""

from collections.abc import Mapping

LARGE = 1_000_000  # bytes: what is smaller goes together
REST = "the rest"
WHY = {
    "pyarrow": "Parquet and Arrow: `score`, and the demo's tables and uploads",
    "scipy": "scikit-learn's mathematics, with a BLAS of its own",
    "numpy": "all figures, with a BLAS of its own",
    "pandas": "rows as the model was trained on them",
    "scikit-learn": "the model itself",
    "skops": "reads the model, without pickle",
    "joblib": "scikit-learn's own need",
    "uvloop": "the service's event loop",
    "httptools": "the service reads HTTP with it",
    "msgspec": "the service reads JSON with it",
    "uvicorn": "serves both",
    "notemill": "the service's and the demo's code",
    "streamlit": "the demo: its server, and the pages that a browser loads",
    "altair": "the demo's charts",
    "pillow": "Streamlit imports it",
    "pydeck": "Streamlit imports it",
    "narwhals": "Altair and scikit-learn read tables with it",
    "protobuf": "Streamlit's talk with the browser",
    "wcwidth": "skops prints tables with it",
}
NEED = "a need of the others"


def table(parts: Mapping[str, int], package: str) -> list[dict]:
    """The largest first, each with its reason; `package`: the model's own distribution."""
    large = sorted(((size, name) for name, size in parts.items() if size >= LARGE or name == package), reverse=True)
    rows = [{"package": name, "mb": in_mb(size), "why": "this model" if name == package else WHY.get(name, NEED)}
            for size, name in large]
    rest = sum(parts.values()) - sum(size for size, _ in large)
    return [*rows, {"package": REST, "mb": in_mb(rest), "why": f"{len(parts) - len(large)} small packages"}]


def in_mb(size: int) -> float:
    return round(size / 1e6, 1)
