"""Models of the adult table, each as a model package and as MLflow keeps one: the same fitted pipeline."""

import dataclasses
import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path

from bench.rounds import Broken
from model_samples import SHARED, Trained, make_version, train

TARGET = "income-per-year"
BOOSTS = 200  # the starter's own number of rounds
LINEAR, BOOSTING, UNCOMPILED = "linear", "HistGradientBoosting", "not compiled"
COMPONENTS = 20


@dataclasses.dataclass(frozen=True)
class Served:
    """Where both are, rows to ask with, and what the pipeline says of them."""

    package: Path
    mlflow: Path
    rows: list[dict]
    labels: list


def make(kind: str, folder: Path, *, rows: int, boosts: int = BOOSTS) -> Served:
    """Train on so many rows, and write both. Raises Broken."""
    from notemill.runtime.golden import plain_rows

    made = trained(kind, folder / "made", rows, boosts)
    package = package_of(made, folder)
    asked = plain_rows(made.test, made.schema, 64)
    import pandas as pd

    labels = made.pipeline.predict(pd.DataFrame(asked)).tolist()
    return Served(package, mlflow_model(made.pipeline, folder / "mlflow"), asked, labels)


def trained(kind: str, folder: Path, rows: int, boosts: int) -> Trained:
    folder.mkdir(parents=True)
    source = folder / "adult.csv"
    with (SHARED / "adult.csv").open(encoding="utf-8") as file:
        source.write_text("".join(line for line, _ in zip(file, range(rows + 1), strict=False)), encoding="utf-8")
    made = train(folder, source, estimator="boosting" if kind == BOOSTING else "linear", target=TARGET)
    if kind == BOOSTING:
        return refitted(made, {"estimator__max_iter": boosts})
    return refitted(made, {}, reducing=True) if kind == UNCOMPILED else made


def refitted(made: Trained, params: Mapping, *, reducing: bool = False) -> Trained:
    """The same with other parameters; `reducing`: with a step that no scoring plan knows."""
    import skops.io
    from sklearn.decomposition import TruncatedSVD
    from sklearn.pipeline import Pipeline

    pipeline = made.pipeline.set_params(**params)
    if reducing:
        before, last = pipeline.steps
        pipeline = Pipeline([before, ("reduced", TruncatedSVD(COMPONENTS, random_state=7)), last])
    name = made.schema["target"]["name"]
    pipeline.fit(made.train.drop(columns=name), made.train[name])
    return dataclasses.replace(made, pipeline=pipeline, skops=skops.io.dumps(pipeline))


def package_of(made: Trained, folder: Path) -> Path:
    """The folder of its model package, from its wheel, scoring plan included."""
    from notemill.compile import make as make_plan
    from notemill.registry import Records
    from notemill.release import build
    from notemill.runtime.model import Model
    from notemill.wheel import package_files, write_tree

    records = Records(folder / "records")
    manifest = {**make_version(records, made, name="adult"), "version": 1}
    write_tree(package_files(manifest, records.read, "plan"), folder)
    made.test.to_parquet(folder / "test.parquet")
    make_plan(folder / "plan", folder / "test.parquet", Model(folder / "plan"))
    plan = {path.name: records.add(path.read_bytes()) for path in (folder / "plan").glob("plan.*")}
    wheel = build({**manifest, "files": {**manifest["files"], **plan}}, records, folder / "dist")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return next((folder / "unpacked").glob("*/schema.json")).parent


def mlflow_model(pipeline, folder: Path) -> Path:
    """As `mlflow models serve` takes it."""
    import mlflow.sklearn

    logging.getLogger("mlflow").setLevel(logging.ERROR)  # that pickles are not safe
    mlflow.sklearn.save_model(pipeline, folder, serialization_format="cloudpickle", pip_requirements=["scikit-learn"])
    return folder


def check_way(package: Path, kind: str) -> None:
    """Raise Broken where the plan answers that should not, or the other way round."""
    from notemill.runtime.model import Model

    model = Model(package)
    if model.compiled != (kind != UNCOMPILED):
        raise Broken(f"{kind}: {model.uncompiled or 'it was compiled'}")
