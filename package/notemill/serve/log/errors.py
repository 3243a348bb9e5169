"""What can go wrong with a prediction log, in words."""


class LogError(RuntimeError):
    """The log cannot be used as asked."""


class LogFull(LogError):
    """Nothing more fits: what was to be written is not in the log."""


class UnknownRequest(LogError):
    """No such row of such a request is in the log, or not any more."""
