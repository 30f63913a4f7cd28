"""Whole or not at all: files and folders that appear under their name only when every byte of them is on the disk.

What is written goes to a temporary place in the same folder, is flushed and synced, and takes its name in one rename; then
the folder is synced too. A crash, a kill or a full disk at any moment leaves what was there before. The temporary place of
a process that was killed is cleared away by the next save in that folder: its lock shows that nobody writes there any more.

Verbs: `atomic_write(path)` for a file, `atomic_folder(path)` for a folder; `explained(path)` for errors of the system.

What it is not: a lock against two processes that save to one name; the last one wins, and each result is whole.
"""

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from plait.errors import FileError

try:
    import fcntl
except ImportError:  # Windows has no such locks; there, what a killed process left stays
    fcntl = None

_PREFIX, _SUFFIX = ".plait-", ".tmp"
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of this user is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user may not write there",
    errno.EXDEV: "the name belongs to another file system than its folder",
    errno.EBUSY: "the name is in use as a mount point",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EIO: "the disk reported an error",
    errno.EFBIG: "the file would be larger than the file system allows",
}


@contextlib.contextmanager
def atomic_write(path: Any) -> Iterator[BinaryIO]:
    """Gives a new binary file to write; afterwards the path holds the whole of it. After an error it holds what it held.

    A symbolic link stays, and what it points to is replaced. Permissions of a file that is replaced are kept.

    Args:
        path: where the file is to be.

    Raises:
        FileError: the folder isn't there or can't be written, the path is a folder, the disk is full.
    """
    target = _check_target(path)
    if target.is_dir():
        raise FileError(f"Cannot write '{target}': it is a folder. Give the name of a file in it.")
    with explained(target):
        _sweep(target.parent)
        file, temporary = _temporary_file(target)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if fcntl is None:
                    file.close()  # Windows renames only what is closed
                os.replace(temporary, target)  # while it is still locked, so that nobody takes it for litter
            _sync_folder(target.parent)
        except BaseException:
            _forget(temporary)
            raise


@contextlib.contextmanager
def atomic_folder(path: Any) -> Iterator[Path]:
    """Gives an empty folder to fill; afterwards it stands under its name. After an error there is what there was.

    A folder that is replaced is moved aside to `NAME.before-...` for the moment of the renaming, and deleted then. Folders
    cannot be swapped in one step everywhere: after a power failure in that moment, the old one is found there.

    Args:
        path: where the folder is to be.

    Raises:
        FileError: as for `atomic_write`; or the path is a file.
    """
    target = _check_target(path)
    if target.exists() and not target.is_dir():
        raise FileError(f"Cannot write the folder '{target}': there is a file of that name.")
    with explained(target):
        _sweep(target.parent)
        temporary = target.parent / _temporary_name()
        temporary.mkdir()
        try:
            with _locked(temporary):
                yield temporary
                _sync_tree(temporary)
                aside = _move_aside(target)
                os.rename(temporary, target)
            _sync_folder(target.parent)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)


def _check_target(path: Any) -> Path:
    """The file that a path means in the end, if it could be one."""
    try:
        given = os.fspath(path)
    except TypeError:
        raise FileError(f"A path must be a string or a pathlib.Path, but got {path!r}.") from None
    target = Path(os.path.realpath(os.path.expanduser(os.fsdecode(given))))
    folder = target.parent
    if not folder.is_dir():
        nearest = next(parent for parent in folder.parents if parent.is_dir())
        raise FileError(
            f"Cannot write '{target}': the folder '{folder}' isn't there; the nearest that is there is '{nearest}'. Make "
            "the folder first."
        )
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise FileError(f"Cannot write '{target}': it is neither a file nor a folder, but a device or a pipe.")
    return target


@contextlib.contextmanager
def explained(target: Path) -> Iterator[None]:
    """Turns the system's errors into ours, which say what to do; what was there before is untouched by then."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        free = ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            with contextlib.suppress(OSError):
                free = f" ({shutil.disk_usage(target.parent).free / 2**20:,.1f} MiB are free)"
        raise FileError(
            f"Cannot write '{target}': {reason}{free}. Nothing was changed; what was there before is still there."
        ) from error


# ---------------------------------------------------------------------------- the temporary place


def _temporary_name() -> str:
    return f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"


def _temporary_file(target: Path) -> tuple[BinaryIO, Path]:
    """A new file beside the target, locked, with the permissions that the target has or a new file gets."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    while True:
        temporary = target.parent / _temporary_name()
        descriptor = os.open(temporary, flags, 0o666)
        try:
            _lock(descriptor)
            if os.fstat(descriptor).st_nlink:  # else another save took it for litter before it was locked
                if target.exists():
                    with contextlib.suppress(OSError):
                        os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
                return os.fdopen(descriptor, "w+b"), temporary
        except BaseException:
            os.close(descriptor)
            _forget(temporary)
            raise
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Locks an open file or folder until it is closed, or its process dies; False where another holds the lock."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)  # a file system without locks
    return True


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Deletes what killed processes left in a folder: temporary places that nobody holds the lock of."""
    if fcntl is None:
        return
    for litter in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            descriptor = os.open(litter, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if litter.is_dir():
                    shutil.rmtree(litter, ignore_errors=True)
                else:
                    litter.unlink()
            finally:
                os.close(descriptor)


def _forget(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink()


def _move_aside(target: Path) -> Path | None:
    if not target.exists():
        return None
    aside = target.parent / f"{target.name}.before-{secrets.token_hex(4)}"
    os.rename(target, aside)
    return aside


# ---------------------------------------------------------------------------- down to the disk


def _sync_folder(folder: Path) -> None:
    """Makes a rename in a folder last, on systems where folders can be synced."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows, or a folder that may be written but not read
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _sync_tree(folder: Path) -> None:
    for root, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(os.path.join(root, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        _sync_folder(Path(root))
