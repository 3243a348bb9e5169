"""Load on a scoring service of one's own: a light client in a process of its own, and what came of it.

client.py asks, and needs the standard library alone; load.py starts it and watches the service meanwhile.
"""
