"""What runs in a kernel's own process. It imports nothing of notemill: a notebook's modules are not ours to load."""
