"""What the gate's checks ask and what its metrics mean, for those who have not read its reference."""

# as notemill.gate.meaning has them, which the demo cannot import: a test compares
ASKS = {
    "metric": "The figure that counts, worked out by the gate on the held-out rows",
    "floor": "Is the model good enough: is not even the lower end of its interval under the floor?",
    "dummy": "Is it better than a model that knows nothing but the training rows' target?",
    "baseline": "Is it worth its trouble: not worse than a linear model or a shallow tree?",
    "champion": "Is it not worse than the version in production, on the same rows, beyond the margin?",
    "agreement": "Are the figures that the notebook wrote down the gate's own?",
    "slices": "Does it serve each declared part of the rows about as well as all of them?",
    "value": "What is it worth a row, by the declared costs?",
    "calibration.loss": "Would its probabilities be better if they were set right? By more than a little?",
    "calibration.error": "Do things that it calls 70 % likely happen 70 % of the time?",
    "calibration.residuals": "Are its errors centred on zero, and as large as intervals made from them promise?",
    "fairness": "Do the groups of each declared attribute get the same decisions, and the same errors?",
    "robustness.columns": "Are the answers the same with the columns in another order?",
    "robustness.rows": "Are the answers the same for half of the rows, in another order?",
    "robustness.float32": "Do numbers in single precision leave the answers as they are?",
    "robustness.noise": "Does a little noise in the numbers leave the answers as they are?",
    "robustness.unseen": "Does it answer where a category is new, or refuse it in words?",
    "robustness.missing": "Does it answer where a value is missing, or refuse it in words?",
    "training.inputs": "Do its answers depend on the rows at all?",
    "training.gap": "Is it about as good on held-out rows as on those that it learned from?",
    "training.loss": "Did its loss fall in training?",
    "held_out": "Did training see nothing of the held-out rows, by the run's record?",
    "leakage.target": "Does no single column give the target away?",
    "leakage.duplicates": "Do no held-out rows stand in the training table as well?",
    "leakage.groups": "Does no entity stand on both sides of the split?",
    "leakage.time": "Are the held-out rows later than those of training?",
    "leakage.identifiers": "Does neither a row's number or name nor its place in the table tell the target?",
    "skew": "Does the model package say what the model said in the notebook?",
    "rows": "Are there held-out rows enough, and does the model package take them all?",
    "budgets.latency": "How long does one row take, in all but the slowest 5 % of calls?",
    "budgets.throughput": "How many rows a second, in batches?",
    "budgets.size": "How large is the model's file?",
    "budgets.memory": "How much memory does it take to answer?",
    "attempts": "How often was a model judged on these same held-out rows?",
    "settings": "Is the gate no looser than it was for the version in production?",
    "reproducible": "Does every step, run again from the same record, give the same content?"}
# a metric by scikit-learn's name, without "neg_" before it
METRICS = {
    "roc_auc": "How often it puts a row of the class above one of the others: 0.5 is guessing, 1 is always",
    "average_precision": "Precision over all thresholds, on average: 1 is perfect, guessing is the class's share",
    "accuracy": "The share of rows that it tells right",
    "balanced_accuracy": "The share of rows that it tells right, averaged over the classes: 1 is all of them",
    "f1": "Precision and recall in one: 1 is perfect",
    "f1_macro": "Precision and recall in one, averaged over the classes: 1 is perfect",
    "precision": "Of those that it calls so, the share that is so",
    "recall": "Of those that are so, the share that it finds",
    "r2": "The share of the target's variance that it explains: 0 is a constant guess, 1 is perfect",
    "log_loss": "How far its probabilities are from what happened: less is better",
    "brier": "How far its probabilities are from what happened, squared: less is better",
    "mae": "How far off it is on average: less is better",
    "mean_absolute_error": "How far off it is on average: less is better",
    "rmse": "How far off it is, large errors counted more: less is better",
    "root_mean_squared_error": "How far off it is, large errors counted more: less is better"}


def asks(name: str) -> str:
    """What a check asks; "" where only its author knows."""
    return ASKS.get(name, "")


def metric(name: str) -> str:
    """What a metric is; "" where it has no words here."""
    return METRICS.get(name.removeprefix("neg_"), "")
