"""A whole server on this machine: forge, Drone and its runners, image registry, MLflow, the drop, the steward."""
