"""What becomes known of a notebook while it runs."""

from dataclasses import dataclass, field

from notemill.execute.watch import Watch


@dataclass
class Running:
    """`notebook` is Papermill's copy, `error` what ended it, `ended` a dead kernel's end in words, `notes`
    are for the user."""

    notebook: dict
    watch: Watch | None = None
    error: Exception | None = None
    ended: str | None = None
    begun: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def reason(self) -> str:
        """Why the watch ended the kernel; "" where it did not."""
        return self.watch.reason if self.watch else ""

    @property
    def costs(self) -> tuple[float, float]:
        """CPU seconds, and the most memory (MB)."""
        return (round(self.watch.cpu_seconds, 2), round(self.watch.peak_mb, 1)) if self.watch else (0.0, 0.0)
