"""A real Chroma server, `chroma run`, on loopback and a port of its own; and a proxy that lets in who has a token."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


@contextmanager
def guarded(url: str, token: str) -> Iterator[str]:
    """Stand before a server; answer 401 to whoever lacks the token. Yield the address."""

    class Guard(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Authorization") == f"Bearer {token}":
                kind = {"Content-Type": "application/json"}
                reply = httpx.request(self.command, url + self.path, content=body, headers=kind, timeout=30)
                self.send_response(reply.status_code)
                content = reply.content
            else:
                self.send_response(401)
                content = b"<html>no</html>"
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do_PUT = answer  # noqa: N815  the names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Guard)
    proxy.daemon_threads = True
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_port}"
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()


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
