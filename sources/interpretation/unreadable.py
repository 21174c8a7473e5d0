"""A value that is there and could not be read: not the same as no value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UnreadableValue:
    """Stands in a document in the place of a value that the system holds but could not give, or that no one can keep.

    The mapping makes an unreadable claim of it. ``reason`` is safe to show: ``the system answered with an error``.
    """

    reason: str

    def get(self, name: object, default: object = None) -> UnreadableValue:
        """A member of what cannot be read cannot be read either, for JMESPath, which would take it for not there."""
        return self
