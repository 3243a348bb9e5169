"""The pages: each a module with show()."""
