"""A real Chroma server, `chroma run`, on loopback and a port of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx


@contextmanager
def chroma_server(folder: Path) -> Iterator[str]:
    """Start a server that keeps its data in `folder`; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).parent / "chroma"
    arguments = [str(program), "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(folder)]
    env = {**os.environ, "ANONYMIZED_TELEMETRY": "False"}
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env) as server:
        try:
            _await(server, url)
            yield url
        finally:
            server.terminate()


def _await(server: "subprocess.Popen[bytes]", url: str) -> None:
    for _ in range(300):
        if server.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/api/v2/heartbeat", timeout=2).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    message = "the Chroma server did not start"
    raise RuntimeError(message)
