"""A tampered wire's faults as the contract suite's switches, whatever server is behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sources.contract import Connector
from sources.contract_suite import Fault, Switch
from tests.upstreams.tcp_proxy import TcpProxy


@dataclass
class WireSwitches:
    """The switches of the wire ``proxy``, and how to open an impatient connector through it."""

    proxy: TcpProxy
    impatient: Callable[[], Connector]

    @property
    def switches(self) -> Mapping[Fault, Sequence[Switch]]:
        """What happens on the wire."""
        proxy = self.proxy
        return {
            Fault.REFUSE: [_on(proxy.refuse)],
            Fault.HANG: [_on(proxy.hang)],
            Fault.DRIP: [_on(proxy.drip)],
            Fault.DELAY: [_on(proxy.delay, 0.02)],
            Fault.CUT: [_on(proxy.cut, 0), _on(proxy.cut, 3), _on(proxy.cut, 40)],
            Fault.SCRAMBLE: [_on(proxy.scramble, 0), _on(proxy.scramble, 1)],
        }

    async def clear(self) -> None:
        """The wire is whole."""
        self.proxy.clear()

    def connector(self) -> Connector:
        """An impatient one."""
        return self.impatient()


def _on(act: Callable[..., None], *arguments: float) -> Switch:
    async def throw() -> None:
        act(*arguments)

    return throw
