"""A load balancer in the least that one is: each connection goes to any of the servers that takes it."""

import random
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress


@contextmanager
def balancer(ports: Sequence[int]) -> Iterator[str]:
    """Forward to servers on loopback; yield the address."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        thread = threading.Thread(target=_accept, args=(listening, ports), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _accept(listening: socket.socket, ports: Sequence[int]) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_forward, args=(client, ports), daemon=True).start()


def _forward(client: socket.socket, ports: Sequence[int]) -> None:
    with client:
        for port in random.sample(list(ports), len(ports)):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as server:
                server.settimeout(None)
                back = threading.Thread(target=_pour, args=(server, client), daemon=True)
                back.start()
                _pour(client, server)
                back.join(30)
                return


def _pour(source: socket.socket, into: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            into.sendall(data)
    with suppress(OSError):
        into.shutdown(socket.SHUT_WR)
