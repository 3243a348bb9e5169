"""The steward: watches over pull requests, with main's code, and is the only one to hold the forge's token.

`python -m notemill.ci.steward`. All that a pull request, or its build, says is a stranger's word to it.
"""
