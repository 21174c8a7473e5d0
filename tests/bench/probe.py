"""How late a server answers a question that costs it nothing: what its event loop was busy with otherwise.

A process of its own, so that what else the benchmark does does not count: ``python -m tests.bench.probe HOST PORT SECONDS``
asks for ``/healthz`` every few milliseconds and prints the seconds that each answer took, as a JSON list.
"""

from __future__ import annotations

import json
import socket
import sys
import time

EVERY = 0.005
_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def main(host: str, port: str, seconds: str) -> int:
    """Ask for so many seconds; the exit code."""
    took: list[float] = []
    end = time.perf_counter() + float(seconds)
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (began := time.perf_counter()) < end:
            connection.sendall(_REQUEST)
            answer = b""
            while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
                part = connection.recv(65536)
                if not part:
                    print("the server hung up", file=sys.stderr)
                    return 1
                answer += part
            took.append(time.perf_counter() - began)
            time.sleep(EVERY)
    print(json.dumps([round(one, 6) for one in took]))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
