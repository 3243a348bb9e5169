"""The shared store: results and their content that builds and laptops share, in a folder or a bucket."""

from notemill.remote.facts import result_facts, run_facts
from notemill.remote.remote import Remote, open_remote

__all__ = ["Remote", "open_remote", "result_facts", "run_facts"]
