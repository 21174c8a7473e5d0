"""When to ask a system again: the one place where anything is retried.

Retrying twice over multiplies: three attempts of a client within three of a guard are nine requests to a system in
trouble. So no connector retries, and the guard does, for it alone knows the deadline, the keys that are still open and
where a walk can be resumed.

stamina would call again what raised. Here it is only the keys that failed that are asked again, or a walk that is opened
again where it was; what is left to a library is the arithmetic below.
"""

from __future__ import annotations

from secrets import SystemRandom

from sources.failures import Actor, Failure

FIRST = 0.1
"""Seconds of the first pause, at most; it doubles with every further one."""
LONGEST = 5.0
"""Seconds of any pause, at most, unless the system itself asks for more."""
_random = SystemRandom()


def pause_before(retry: int, failure: Failure, left: float) -> float | None:
    """Seconds to wait before the ``retry``-th retry (from 1) of what ended with ``failure``, when ``left`` seconds are left;
    None where asking again is no use.

    The pause is anything from nothing to its bound ("full jitter"), so that many who failed together do not come again
    together; it comes on top of what ``Retry-After`` asks for.
    """
    if failure.kind.actor is not Actor.MACHINE:
        return None
    asked = failure.retry_after.total_seconds() if failure.retry_after is not None else 0.0
    pause: float = asked + _random.uniform(0.0, min(LONGEST, FIRST * 2 ** (retry - 1)))
    return pause if pause < left else None
