"""Cutting connections between two processes that both live on, as a network does."""

import ctypes
import errno
import os
import socket
from collections.abc import Collection
from typing import Any, Final

import psutil

PIDFD_GETFD: Final = 438  # of Linux 5.6 and newer; the number is the same on all machines, Python has no word for it


def can_sever() -> bool:
    """Tell whether this machine lets us: a container without CAP_SYS_PTRACE may not, and only Linux can."""
    with socket.socket() as own:
        try:
            os.close(_held_by(os.getpid(), own.fileno()))
        except (OSError, AttributeError):
            return False
    return True


def sever(pid: int, peers: Collection[int]) -> int:
    """Cut a process's connections to where its peers listen; return how many. Who has died meanwhile has none."""
    ports = {one.laddr.port for peer in peers for one in _sockets(peer) if one.status == psutil.CONN_LISTEN}
    wires = [one for one in _sockets(pid) if one.status == psutil.CONN_ESTABLISHED and one.raddr.port in ports]
    return sum(_shut(pid, wire.fd) for wire in wires)


def _sockets(pid: int) -> list[Any]:
    try:
        return psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return []


def _shut(pid: int, number: int) -> bool:
    try:
        with socket.socket(fileno=_held_by(pid, number)) as wire:
            wire.shutdown(socket.SHUT_RDWR)
    except OSError as err:
        if err.errno in (errno.EBADF, errno.ENOTCONN, errno.ENOTSOCK, errno.ESRCH):
            return False  # it was closed a moment ago
        raise
    return True


def _held_by(pid: int, number: int) -> int:
    """Return a descriptor of our own for what another process holds under a number."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    try:
        own: int = libc.syscall(PIDFD_GETFD, process, number, 0)
    finally:
        os.close(process)
    if own < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return own
