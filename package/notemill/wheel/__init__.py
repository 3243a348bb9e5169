"""The model package: one registered version as a Python package, and as a wheel that anybody can `pip install`."""

from notemill.wheel.archive import wheel_bytes, write_wheel, zip_bytes
from notemill.wheel.package import (
    distribution_name,
    import_name,
    package_files,
    requirements,
    runtime_files,
    summary,
    wheel_version,
    write_tree,
)
from notemill.wheel.provenance import statement, without_machine

__all__ = ["distribution_name", "import_name", "package_files", "requirements", "runtime_files", "statement", "summary",
           "wheel_bytes", "wheel_version", "without_machine", "write_tree", "write_wheel", "zip_bytes"]
