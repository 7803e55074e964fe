"""A socket that listens, before anybody is told its address."""

from __future__ import annotations

import socket

from admin_api.errors import Refused


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one.

    Raises:
        Refused: it cannot be had.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise Refused(
            f"{host}:{port} cannot be used ({error.strerror}); choose another --port"
        ) from error
    return listener
