"""The guard: what makes a connector a source. Exceptions stop here.

Whatever a connector does (raises, hangs, answers too much, too little or twice), its callers get outcomes: total over
what they asked, within the source's deadline. A failure is one shared value; its cause, where nobody foresaw it, is in
the log and never in the message.

One deadline bounds a whole call: waiting for its turn, asking, asking again (:mod:`sources.guard.retrying`) and mapping.
What came before it stays, key by key. A system that keeps failing is left alone (:mod:`sources.guard.breaker`), and one
that gives too much is cut off (:mod:`sources.guard.bounds`).
"""

from sources.guard.source import GuardedSource

__all__ = ["GuardedSource"]
