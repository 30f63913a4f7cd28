"""Compiled programs on disk: what one process has compiled, the next one loads.

`keep()` is called once, when plait is imported. It names a folder to JAX's persistent compilation cache, and says how
files are kept there, since JAX's own way has no cap without another package, and writes into a file that another
process may be reading. Here an entry is a checksum and the program, written aside and renamed; one that was cut short,
or changed, is compiled again and replaced. The least recently used go when the folder grows over its cap.

Nothing is done where the user has named a folder (JAX_COMPILATION_CACHE_DIR, `jax.config`), or said `PLAIT_CACHE=0`.
`PLAIT_CACHE=/some/folder` names another folder.

What is not here: trust in others. Whoever can write to the folder can run code, so it is made for its owner alone, and
one that belongs to somebody else is not used.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax

MOST_BYTES = 2 << 30
LEAST_SECONDS = 0.1  # what compiles faster is not worth a file

_SUFFIX = ".program"
_CHECKSUM_BYTES = 16


class Usage(NamedTuple):
    """What a folder of programs holds."""

    programs: int
    size: int  # bytes


def default_folder() -> Path | None:
    """Where programs are kept if nobody says otherwise; None if that is nowhere."""
    named = os.environ.get("PLAIT_CACHE", "")
    if named.lower() in ("0", "off", "false", "no"):
        return None
    if named not in ("", "1"):
        return Path(named).expanduser()
    if sys.platform == "win32":
        caches = os.environ.get("LOCALAPPDATA")
    elif sys.platform == "darwin":
        caches = "~/Library/Caches"
    else:
        caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(caches or "~/.cache").expanduser()
    return folder / "plait" / "programs" if folder.is_absolute() else None


def keep() -> Path | None:
    """Has JAX keep compiled programs; returns the folder, or None if plait keeps out of it."""
    folder, config = default_folder(), cast(Any, jax.config)
    if folder is None or config.jax_compilation_cache_dir is not None:
        return None
    inner: Any = sys.modules.get("jax._src.compilation_cache")
    if inner is None or not hasattr(inner, "get_file_cache"):
        return None  # another JAX: rather no files than files without a cap
    own, theirs = str(folder), inner.get_file_cache
    inner.get_file_cache = lambda path: (Programs(folder), path) if path == own else theirs(path)
    config.update("jax_compilation_cache_dir", own)
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        config.update("jax_persistent_cache_min_compile_time_secs", LEAST_SECONDS)
    return folder


class Programs:
    """Compiled programs by key, in the files of one folder: what JAX's cache asks for. No error of a disk gets out.

    Args:
        folder: made at the first write.
        most_bytes: over this, the least recently used go.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES):
        self.folder, self.most_bytes = folder, most_bytes
        self._path = folder  # JAX looks at it
        self._size: int | None = None

    def get(self, key: str) -> bytes | None:
        """The program of a key, None if there is none or it is damaged."""
        path = self._file(key)
        try:
            if not _is_ours(self.folder):
                return None
            content = path.read_bytes()
        except OSError:
            return None
        checksum, program = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
        with contextlib.suppress(OSError):
            if checksum != _checksum(program):
                path.unlink()
                return None
            os.utime(path)
        return program

    def put(self, key: str, value: bytes) -> None:
        """Keeps a program; another process that does the same at the same time does no harm."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if _is_ours(self.folder) and len(value) <= self.most_bytes // 4:
                _write(self._file(key), _checksum(value) + value)
                self._stay_below_cap(len(value) + _CHECKSUM_BYTES)

    def usage(self) -> Usage:
        """How many programs there are, and their bytes."""
        sizes = [status.st_size for _, status in self._entries()]
        return Usage(len(sizes), sum(sizes))

    def clear(self) -> Usage:
        """Removes all programs, and says what there was."""
        before = self.usage()
        for path, _ in self._entries(every=True):
            with contextlib.suppress(OSError):
                path.unlink()
        self._size = None
        return before

    def _file(self, key: str) -> Path:
        return self.folder / (hashlib.blake2b(key.encode(), digest_size=20).hexdigest() + _SUFFIX)

    def _entries(self, every: bool = False) -> Iterator[tuple[Path, os.stat_result]]:
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                if path.name.endswith((_SUFFIX, ".partial") if every else _SUFFIX):
                    with contextlib.suppress(OSError):  # another process may have removed it
                        yield path, path.stat()

    def _stay_below_cap(self, added: int) -> None:
        self._size = self.usage().size if self._size is None else self._size + added
        if self._size <= self.most_bytes:
            return
        entries = sorted(self._entries(every=True), key=lambda entry: entry[1].st_mtime)
        self._size = sum(status.st_size for _, status in entries)
        for path, status in entries:
            if self._size <= self.most_bytes * 3 // 4:  # some room, so that not every program asks anew
                break
            with contextlib.suppress(OSError):
                path.unlink()
            self._size -= status.st_size


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_CHECKSUM_BYTES).digest()


def _is_ours(folder: Path) -> bool:
    """Whether a folder that exists belongs to this user, and nobody else may write to it."""
    if not hasattr(os, "getuid"):
        return True
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def _write(path: Path, content: bytes) -> None:
    handle, partial = tempfile.mkstemp(suffix=".partial", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(partial, path)
    except OSError:
        os.unlink(partial)
        raise
