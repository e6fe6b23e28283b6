"""The medium as a block device over a unix socket: as much of the NBD protocol as QEMU speaks to a plain disk."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.power.medium import Medium

_HELLO = struct.Struct(">8s8sH")
_OPTION = struct.Struct(">8sII")
_OPTION_REPLY = struct.Struct(">QIII")
_REQUEST = struct.Struct(">IHHQQI")
_REPLY = struct.Struct(">IIQ")
_REPLY_MAGIC = 0x3E889045565A9
_FIXED_NEWSTYLE, _NO_ZEROES = 1, 2
_EXPORT_NAME, _ABORT, _INFO, _GO = 1, 2, 6, 7
_ACK, _INFORM, _UNKNOWN = 1, 3, 0x80000001
_HAS_FLAGS, _CAN_FLUSH = 1, 4
_READ, _WRITE, _CLOSE, _FLUSH = 0, 1, 2, 3
_INVALID = 22
_GONE_S = 20.0
MOMENTS = ("any", "write", "flush")
"""When the power goes: at any time; right after a write, which is not flushed then; or as a flush is asked for and not carried out."""


class _PowerIsGone(Exception):
    """Nothing more reaches the disk."""


@dataclass(slots=True)
class Trap:
    """Takes the power away at the so manieth request of its kind."""

    moment: str
    left: int
    pull: Callable[[], None]

    def meet(self, moment: str) -> None:
        """Count one. Raises _PowerIsGone when it was the one."""
        self.left -= moment == self.moment
        if self.left <= 0:
            self.pull()
            raise _PowerIsGone


class Device:
    """Serves one medium to one machine after another; nothing is answered before it is done, and one thing after the other."""

    def __init__(self, medium: Medium, path: Path) -> None:
        self.medium = medium
        self.path = path
        self.trap: Trap | None = None
        self.broken: BaseException | None = None
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(path))
        self._listening.listen(1)
        self._idle = threading.Event()
        self._idle.set()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """Wait until the machine that is gone has nothing under way: what it sent before it ended was sent."""
        assert self._idle.wait(_GONE_S), "the machine is gone, and its disk still busy"
        if self.broken is not None:
            raise self.broken

    def close(self) -> None:
        """Serve nobody any more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(_GONE_S)

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return     # closed
            self._idle.clear()
            try:
                with line:
                    _Line(line, self).talk()
            except (ConnectionError, EOFError, _PowerIsGone):
                pass       # the machine lost its power
            except Exception as error:  # told to whoever drains
                self.broken = error
            finally:
                self._idle.set()


class _Line:
    """One connection."""

    def __init__(self, line: socket.socket, device: Device) -> None:
        self._line = line
        self._device = device
        self._medium = device.medium

    def talk(self) -> None:
        self._line.sendall(_HELLO.pack(b"NBDMAGIC", b"IHAVEOPT", _FIXED_NEWSTYLE | _NO_ZEROES))
        self._take(4)
        if self._haggle():
            while self._do():
                pass

    def _haggle(self) -> bool:
        """Agree on what is served; says whether there is something to do then."""
        while True:
            _, option, length = _OPTION.unpack(self._take(_OPTION.size))
            self._take(length)
            if option == _EXPORT_NAME:
                self._line.sendall(struct.pack(">QH", self._medium.size, _HAS_FLAGS | _CAN_FLUSH))
                return True
            if option == _ABORT:
                self._answer(option, _ACK)
                return False
            if option in (_INFO, _GO):
                self._answer(option, _INFORM, struct.pack(">HQH", 0, self._medium.size, _HAS_FLAGS | _CAN_FLUSH))
                self._answer(option, _ACK)
                if option == _GO:
                    return True
            else:
                self._answer(option, _UNKNOWN)

    def _answer(self, option: int, kind: int, data: bytes = b"") -> None:
        self._line.sendall(_OPTION_REPLY.pack(_REPLY_MAGIC, option, kind, len(data)) + data)

    def _do(self) -> bool:
        """Carry out one request; says whether another may come."""
        _, _, what, handle, at, length = _REQUEST.unpack(self._take(_REQUEST.size))
        if what == _CLOSE:
            return False
        data, error = b"", 0
        if what == _WRITE:
            self._medium.write(at, self._take(length))
            self._meet("write")
        elif what == _READ:
            data = self._medium.read(at, length)
        elif what == _FLUSH:
            self._meet("flush")
            self._medium.flush()
        else:
            error = _INVALID
        self._line.sendall(_REPLY.pack(0x67446698, error, handle) + data)
        return True

    def _meet(self, moment: str) -> None:
        if (trap := self._device.trap) is not None:
            trap.meet(moment)

    def _take(self, count: int) -> bytes:
        held = bytearray()
        while len(held) < count:
            more = self._line.recv(count - len(held))
            if not more:
                raise EOFError
            held += more
        return bytes(held)


@contextmanager
def device(path: Path, at: Path, *, obeys: bool = True) -> Iterator[Device]:
    """Serve the disk in a file on a socket for the length of a block."""
    with Medium(path, obeys=obeys) as medium:
        one = Device(medium, at)
        try:
            yield one
        finally:
            one.close()
