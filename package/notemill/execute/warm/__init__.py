"""Kernels that are forked from a warm process: find or start it, ask for a kernel, talk to it."""
