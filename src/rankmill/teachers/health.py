"""Whether a server on this machine is well, and whether it is ours."""

import http.client
import socket

import psutil


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def unready(watcher: int, port: int) -> str:
    """Why the server cannot be used yet; empty when it can.

    Another program may have taken the port since it was found free: what answers there must be
    a process below the watcher.
    """
    if why := ailment(port):
        return why
    return "" if _listens(watcher, port) else f"another program answers on port {port}"


def ailment(port: int) -> str:
    """What is wrong with the server on a port; empty when it says that it is well."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        for path in ("/health", "/v1/models"):  # not every server has the first
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            if response.status != 404:
                break
    except (OSError, http.client.HTTPException) as error:
        return f"nothing answers ({error})"
    finally:
        connection.close()
    return "" if response.status == 200 else f"{path} answers {response.status}"


def _listens(watcher: int, port: int) -> bool:
    try:
        below = psutil.Process(watcher).children(recursive=True)
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for process in below
            for connection in process.net_connections("tcp")
        )
    except psutil.NoSuchProcess:
        return False
