"""`dissect tui --serve`: the interface in a browser of this machine, through textual-serve behind a door of our own.

Only on 127.0.0.1. The address printed holds a token that opens once and becomes a cookie; every request must name our own host, and a
socket our own origin: a page that the analyst visits elsewhere can neither read the captures nor drive the interface.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import shlex
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

HOST = "127.0.0.1"
COOKIE = "dissect"
TOKEN_BYTES = 24
LONGEST_PORT = 65535
FOCUS = """<script>
function focusTerminal() {
  const keys = document.querySelector(".xterm-helper-textarea");
  if (keys) keys.focus();
  return keys !== null && document.activeElement === keys;
}
addEventListener("load", () => {
  const trying = setInterval(() => { if (focusTerminal()) clearInterval(trying); }, 50);
});
addEventListener("focus", focusTerminal);
</script>"""
"""in the page of textual-serve, which waits for a click: keys are for the interface as soon as there is one, and when its tab is come back to"""
LISTENING_S = 10.0
"""within which the server listens"""


class Door:
    """Who may come in."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.host = origin.partition("://")[2]
        self.token: str | None = secrets.token_urlsafe(TOKEN_BYTES)
        """None once it was used"""
        self._session = secrets.token_urlsafe(TOKEN_BYTES)

    @property
    def address(self) -> str:
        return f"{self.origin}/?token={self.token}"

    def take(self, token: str) -> str | None:
        """The cookie's value for the right token, the first time; else None."""
        if self.token is None or not hmac.compare_digest(token.encode(), self.token.encode()):
            return None
        self.token = None
        return self._session

    def refusal(self, path: str, host: str | None, origin: str | None, cookie: str | None) -> str | None:
        """Why a request is refused; None: it may pass."""
        if host != self.host:
            return "wrong host"
        if origin is not None and origin != self.origin:
            return "wrong origin"
        if path == "/ws" and origin is None:
            return "no origin"
        if cookie is None or not hmac.compare_digest(cookie.encode(), self._session.encode()):
            return "no session: use the address that dissect printed, which opens once"
        return None

    @property
    def policy(self) -> str:
        """Nothing is fetched from elsewhere (textual-serve's page would ask for a font)."""
        own = "'self' 'unsafe-inline'"
        return (f"default-src 'none'; script-src {own}; style-src {own}; img-src 'self' data:; font-src 'self' data:; "
                f"connect-src 'self' ws://{self.host}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")


def middleware(door: Door) -> Any:
    """The door as aiohttp has it."""
    from aiohttp import web

    @web.middleware
    async def guard(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        token = request.query.get("token")
        if token is not None and request.path == "/" and request.headers.get("Host") == door.host:
            cookie = door.take(token)
            if cookie is not None:
                answer = web.HTTPFound("/")
                answer.set_cookie(COOKIE, cookie, httponly=True, samesite="Strict", path="/")
                answer.headers["Referrer-Policy"] = "no-referrer"
                return answer
        reason = door.refusal(request.path, request.headers.get("Host"), request.headers.get("Origin"), request.cookies.get(COOKIE))
        if reason is not None:
            return web.Response(status=403, text=f"{reason}\n")
        response = await handler(request)
        if not response.prepared:
            if request.path == "/" and isinstance(response, web.Response) and response.text is not None:
                response.text = response.text.replace("</body>", f"{FOCUS}</body>")
            response.headers["Content-Security-Policy"] = door.policy
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["Cache-Control"] = "no-store"
        return response

    return guard


def command_of(argv: list[str]) -> str:
    """The command line that each browser's interface is started with: ours without `--serve`. It goes through a shell, so it is quoted."""
    words: list[str] = []
    skip = False
    for word in argv:
        if skip or word == "--serve" or word.startswith("--port="):
            skip = False
        elif word == "--port":
            skip = True
        else:
            words.append(word)
    return shlex.join([sys.executable, "-m", "dissect", *words])


def free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def _try_interface(arguments: argparse.Namespace) -> None:
    """Whether it can be captured is said here, not in the browser. Raises UsageError, CaptureError."""
    from dissect.errors import UsageError
    from dissect.live import LiveCapture

    if arguments.write is not None:
        raise UsageError("--serve captures anew for each page that is opened, and would write FILE anew; save with `dissect live --write` beside it")
    LiveCapture(arguments.interface, arguments.bpf, promiscuous=arguments.promiscuous).close()


async def announce(port: int, text: str) -> None:
    """Print *text* as soon as somebody listens on *port*, at the latest after LISTENING_S."""
    end = time.monotonic() + LISTENING_S
    while time.monotonic() < end:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        break
    print(text, flush=True)


def serve(arguments: argparse.Namespace) -> int:
    """Until Ctrl-C; exit status. Raises UsageError."""
    from textual_serve.server import Server

    from dissect.errors import UsageError

    if "-" in arguments.captures:
        raise UsageError("--serve cannot read standard input: name a capture file")
    if arguments.interface is not None:
        _try_interface(arguments)
    if not 0 <= arguments.port <= LONGEST_PORT:
        raise UsageError(f"--port {arguments.port}: a port is a number up to {LONGEST_PORT}")
    port = arguments.port or free_port()
    door = Door(f"http://{HOST}:{port}")

    class Guarded(Server):  # type: ignore[misc]
        async def _make_app(self) -> Any:
            app = await super()._make_app()
            app.middlewares.append(middleware(door))
            return app

        async def on_startup(self, app: Any) -> None:
            # It does not listen yet; who is quick with the address would find nobody.
            self._announcing = asyncio.create_task(announce(port, f"open {door.address} (it opens once; Ctrl-C ends)"))

        def initialize_logging(self) -> None:
            """Nothing of a request is logged: its address may hold the token."""

    Guarded(command_of(sys.argv[1:]), host=HOST, port=port, title="dissect").serve()
    return 0
