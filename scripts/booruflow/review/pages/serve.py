"""The command `booruflow review`: the server, on an address that is free, until it is interrupted."""

import errno
import socket
from pathlib import Path

import uvicorn

from booruflow.core.errors import UserError
from booruflow.review.pages.app import review_app
from booruflow.review.pages.guard import LOOPBACK, Guard, new_token


def serve(folder: Path, host: str, port: int) -> None:
    """Serve the review page of the data set in `folder`; `port` 0 takes any that is free.

    Raises:
        UserError: the folder holds no data set, or the address cannot be used.
    """
    app = review_app(folder)
    with _listening(host, port) as listener:
        port = listener.getsockname()[1]
        token = None if host in LOOPBACK else new_token()
        print(_address(host, port, token), flush=True)
        config = uvicorn.Config(Guard(app, token, port), log_level="warning", server_header=False, access_log=False)
        uvicorn.Server(config).run([listener])


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        # a server that was killed a moment ago does not keep its port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except (OSError, OverflowError) as error:
        reason = "in use" if getattr(error, "errno", None) == errno.EADDRINUSE else str(error)
        raise UserError(f"{host}, port {port}: {reason}: choose another with --host or --port") from error
    return listener


def _address(host: str, port: int, token: str | None) -> str:
    """What the user opens in the browser."""
    name = socket.gethostname() if host in ("0.0.0.0", "::", "") else host
    name = f"[{name}]" if ":" in name else name
    return f"Review page: http://{name}:{port}/" + (f"?token={token}" if token else "")
