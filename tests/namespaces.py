"""Two network namespaces joined by a veth pair, sockets and processes in them, and nothing left of either afterwards."""

from __future__ import annotations

import ctypes
import itertools
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count()
T = TypeVar("T")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)


class Network:
    """Namespaces `a` (devices) and `b` (servers); interface `veth` in both. Addresses are added as asked for."""

    def __init__(self) -> None:
        mark = f"dt{os.getpid()}x{next(_serial)}"
        self.a, self.b = f"{mark}a", f"{mark}b"
        self.processes: list[subprocess.Popen[Any]] = []
        self.sockets: list[socket.socket] = []
        self._known: set[tuple[str, str]] = set()

    def __enter__(self) -> Network:
        try:
            for name in (self.a, self.b):
                ip("netns", "add", name)
                for setting in ("all", "default"):
                    # Neighbour discovery would put packets between those that a test counts.
                    self.run(name, ["sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{setting}/disable_ipv6"])
            ip("-n", self.a, "link", "add", "veth", "type", "veth", "peer", "name", "veth", "netns", self.b)
            for name in (self.a, self.b):
                ip("-n", name, "link", "set", "lo", "up")
                ip("-n", name, "link", "set", "veth", "up")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        for one in self.sockets:
            one.close()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        for name in (self.a, self.b):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=20, check=False)

    def address(self, namespace: str, address: str) -> None:
        """The interface of *namespace* has *address* too."""
        if (namespace, address) not in self._known:
            self._known.add((namespace, address))
            ip("-n", namespace, "addr", "add", f"{address}/16", "dev", "veth")

    def run(self, namespace: str, command: Sequence[str]) -> None:
        subprocess.run(["ip", "netns", "exec", namespace, *command], check=True, capture_output=True, timeout=60)

    def popen(self, namespace: str, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["ip", "netns", "exec", namespace, *command], **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})
        self.processes.append(process)
        return process

    def within(self, namespace: str, work: Callable[[], T]) -> T:
        """What *work* gives in *namespace*: a thread goes there, and the sockets that it makes stay there."""
        found: list[T] = []
        failed: list[BaseException] = []

        def there() -> None:
            try:
                with open(Path("/run/netns") / namespace, "rb") as entry:
                    if _libc.setns(entry.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                found.append(work())
            except BaseException as error:  # noqa: BLE001 - told in the thread that asked
                failed.append(error)

        thread = threading.Thread(target=there)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return found[0]

    def socket(self, namespace: str, make: Callable[[], socket.socket]) -> socket.socket:
        one = self.within(namespace, make)
        one.settimeout(10)
        self.sockets.append(one)
        return one


def until(what: Callable[[], bool], seconds: float = 10.0, every: float = 0.02) -> None:
    """Wait for *what*; fails when it does not come true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"did not happen within {seconds} s"
        time.sleep(every)
