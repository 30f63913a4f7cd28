"""The container of a `.keras` file: a zip archive whose members are stored as they are, or a folder with the same members.

An `ArchiveWriter` puts members one after the other into an open file. A large member is written in place through a `Window`
of the file, so that it never lies in memory as a whole. `open_archive` reads: all that the archive says about itself is
checked before any of it is used, and a member that is stored plainly is again a Window.

Verbs: `ArchiveWriter.add` and `.member` write, `open_archive` opens, `Members.read` and `.open` read.

What is refused: names that a `.keras` file doesn't have, that lead out of it, or that two programs could read differently;
members that overlap, that are encrypted, or that unpack to far more than they take; anything before or after the archive.

What it is not: a general reader of zip files. It knows two methods, stored and deflated, the second because people unpack
and pack their files again.
"""

import contextlib
import io
import os
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from plait.common.messages import did_you_mean, listing
from plait.errors import FileError, UnsafeFileError

METADATA, CONFIG, WEIGHTS, ASSETS = "metadata.json", "config.json", "model.weights.h5", "assets/"

MOST_MEMBERS = 10_000
MOST_EXPANSION = 100  # how many times its packed size a member may unpack to, beyond the size below
ALWAYS_ALLOWED = 16 * 2**20
_CHUNK = 4 * 2**20
_ZIP64_FROM = 2**32 - 1


class Window(io.RawIOBase):
    """A part of an open file, as a file of its own: from a place on, for a length or (when written) as long as it gets.

    Args:
        file: an open binary file.
        start: where the part begins.
        length: how long it is; None for one that is written, and grows.
    """

    def __init__(self, file: BinaryIO, start: int, length: int | None = None):
        super().__init__()
        self._file, self._start = file, start
        self._length, self._fixed = length or 0, length is not None
        self._position = 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def writable(self) -> bool:
        """Only one without a fixed length can be written."""
        return not self._fixed

    def seekable(self) -> bool:
        """Any place in it can be reached."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a place, counted from the part's beginning, the current place or the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """The current place."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer from the current place on, as far as the part reaches; returns how much."""
        view = memoryview(buffer).cast("B")[: max(0, self._length - self._position)]
        self._file.seek(self._start + self._position)
        count = self._file.readinto(view) if len(view) else 0  # type: ignore[attr-defined]
        self._position += count
        return count

    def write(self, data: Any) -> int:
        """Writes at the current place; returns how much."""
        view = memoryview(data).cast("B")
        self._file.seek(self._start + self._position)
        self._file.write(view)
        self._position += len(view)
        self._length = max(self._length, self._position)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Makes the part a certain length."""
        self._length = self._position if size is None else size
        self._file.truncate(self._start + self._length)
        return self._length

    def flush(self) -> None:
        """Hands what is buffered to the system."""
        if self.writable() and not self._file.closed:
            self._file.flush()

    @property
    def length(self) -> int:
        """How long the part is by now."""
        return self._length


class ArchiveWriter:
    """Writes a zip archive of stored members into an empty file.

    Args:
        file: a binary file that can be written, read and sought.

    >>> file = io.BytesIO()
    >>> with ArchiveWriter(file) as archive:
    ...     archive.add("config.json", b"{}")
    >>> zipfile.ZipFile(file).read("config.json")
    b'{}'
    """

    def __init__(self, file: BinaryIO):
        self._file = file
        self._entries: list[zipfile.ZipInfo] = []
        self._date = time.localtime()[:6]

    def add(self, name: str, data: bytes) -> None:
        """Writes a member whose content is at hand."""
        with self.member(name) as file:
            file.write(data)

    @contextlib.contextmanager
    def member(self, name: str, large: bool = False) -> Iterator[Window]:
        """Gives a file to write a member into, at any place in any order.

        Args:
            name: its name in the archive.
            large: whether it may need more than 4 GiB.
        """
        entry = zipfile.ZipInfo(name, self._date)
        entry.external_attr, entry.create_system, entry.CRC = 0o600 << 16, 3, 0
        entry.header_offset = self._file.seek(0, os.SEEK_END)
        self._file.write(entry.FileHeader(zip64=large))
        start = self._file.tell()
        window = Window(self._file, start)
        yield window
        entry.file_size = entry.compress_size = window.length
        entry.CRC = checksum(Window(self._file, start, window.length))
        self._file.seek(entry.header_offset)
        self._file.write(entry.FileHeader(zip64=large))
        self._entries.append(entry)

    def __enter__(self) -> "ArchiveWriter":
        return self

    def __exit__(self, kind: Any, *exception: object) -> None:
        if kind is None:
            self._write_directory()

    def _write_directory(self) -> None:
        """Lists all members at the end of the file."""
        start = self._file.seek(0, os.SEEK_END)
        for entry in self._entries:
            self._file.write(_directory_entry(entry))
        end, count = self._file.tell(), len(self._entries)
        size = end - start
        if end >= _ZIP64_FROM or count >= 0xFFFF:
            self._file.write(struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start))
            self._file.write(struct.pack("<4sIQI", b"PK\6\7", 0, end, 1))
        short = min(count, 0xFFFF), min(count, 0xFFFF), min(size, 0xFFFFFFFF), min(start, 0xFFFFFFFF)
        self._file.write(struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, *short, 0))


def _directory_entry(entry: zipfile.ZipInfo) -> bytes:
    name = entry.filename.encode("utf-8")
    large = [n for n in (entry.file_size, entry.compress_size, entry.header_offset) if n >= _ZIP64_FROM]
    extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    year, month, day, hour, minute, second = entry.date_time
    fields = (
        *(45 if large else 20, entry.create_system, 45 if large else 20, 0),
        *(0 if name.isascii() else 0x800, zipfile.ZIP_STORED),
        *(hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day),
        *(entry.CRC, min(entry.compress_size, _ZIP64_FROM), min(entry.file_size, _ZIP64_FROM)),
        *(len(name), len(extra), 0, 0, 0, entry.external_attr, min(entry.header_offset, _ZIP64_FROM)),
    )
    return struct.pack("<4sBBBBHHHHIIIHHHHHII", b"PK\1\2", *fields) + name + extra


def checksum(file: BinaryIO | Window) -> int:
    """The CRC-32 of a file, read from where it stands to its end."""
    total, buffer = 0, memoryview(bytearray(_CHUNK))
    while count := file.readinto(buffer):  # type: ignore[union-attr]
        total = zlib.crc32(buffer[:count], total)
    return total


# ---------------------------------------------------------------------------- reading


class Members(Protocol):
    """The members of an archive that has been checked: of a zip file or of a folder."""

    names: Sequence[str]

    def read(self, name: str, most: int) -> bytes:
        """The content of a member, if it has at most so many bytes."""
        ...

    def open(self, name: str) -> tuple[BinaryIO, int]:
        """A member as a file that can be read at any place, and its length."""
        ...


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[Members]:
    """Opens a `.keras` file, or a folder with its members, and checks all it says about itself.

    Raises:
        FileError: not there, not an archive, damaged.
        UnsafeFileError: an archive that holds more or other things than such a file does.
    """
    if path.is_dir():
        yield _Folder(path)  # pyright: ignore[reportReturnType]
        return
    with open_regular(path) as file:
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error, UnicodeError) as error:
            raise FileError(f"'{path}' is not a whole zip archive, as a `.keras` file is one: {error}") from error
        with archive:
            yield _Zip(path, file, archive)  # pyright: ignore[reportReturnType]


def open_regular(path: Path) -> BinaryIO:
    """Opens an ordinary file for reading; never a device, a pipe or a folder.

    Raises:
        FileError: not there, may not be read, or not an ordinary file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        where = "" if path.parent.is_dir() else f" There is no folder '{path.parent}'."
        known = path.suffix in ("", ".keras", ".h5", ".hdf5", ".json", ".safetensors", ".npz", ".zip")
        unknown = (
            ""
            if known
            else f" File format not supported: models are `.keras` files, weights `.weights.h5`, not {path.suffix!r}."
        )
        raise FileError(f"File not found: '{path}'.{where}{did_you_mean(path.name, siblings)}{unknown}") from None
    except (OSError, ValueError) as error:
        raise FileError(f"Cannot read '{path}': {getattr(error, 'strerror', None) or error}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileError(f"Cannot read '{path}': it is not an ordinary file.")
    return os.fdopen(descriptor, "rb")


class _Zip:
    """The members of a zip file."""

    def __init__(self, path: Path, file: BinaryIO, archive: zipfile.ZipFile):
        self._path, self._file, self._archive = path, file, archive
        entries = archive.infolist()
        if len(entries) > MOST_MEMBERS:
            raise UnsafeFileError(
                f"'{path}' has {len(entries):,} members; a `.keras` file has at most {MOST_MEMBERS:,}."
            )
        if archive.comment:
            raise UnsafeFileError(f"'{path}' has a comment behind its end, which a `.keras` file hasn't.")
        _check_names(path, [entry.filename for entry in entries])
        for entry in entries:
            _check_entry(path, entry)
        self._starts = self._check_places(entries)
        self._entries = {entry.filename: entry for entry in entries if not entry.is_dir()}
        self._sound: set[str] = set()  # members whose checksum has been found right
        self.names = list(self._entries)

    def _check_places(self, entries: list[zipfile.ZipInfo]) -> dict[str, int]:
        """Where the content of each member begins; members must neither overlap nor leave anything before them."""
        starts, free = {}, 0
        for entry in sorted(entries, key=lambda entry: entry.header_offset):
            if entry.header_offset < 0:
                raise FileError(
                    f"'{self._path}' is damaged: the member {entry.filename!r} begins before the file does."
                )
            self._file.seek(entry.header_offset)
            header = self._file.read(30)
            if len(header) < 30 or header[:4] != b"PK\3\4":
                raise FileError(f"'{self._path}' is damaged: the member {entry.filename!r} has no header.")
            if entry.header_offset < free or (free == 0 and entry.header_offset > 0):
                raise UnsafeFileError(f"'{self._path}': its members overlap, or something stands before them.")
            name_length, extra_length = struct.unpack("<HH", header[26:30])
            if self._file.read(name_length) != entry.filename.encode("utf-8"):
                raise UnsafeFileError(f"'{self._path}': the member {entry.filename!r} has two names.")
            starts[entry.filename] = entry.header_offset + 30 + name_length + extra_length
            free = starts[entry.filename] + entry.compress_size
        if free > self._archive.start_dir:
            raise UnsafeFileError(f"'{self._path}': a member reaches into the list of members.")
        return starts

    def read(self, name: str, most: int) -> bytes:
        """The content of a member, if it has at most so many bytes."""
        entry = self._entry(name)
        if entry.file_size > most:
            raise UnsafeFileError(f"'{self._path}': {name!r} has {entry.file_size:,} bytes; at most {most:,} are read.")
        try:
            with self._archive.open(entry) as member:
                content = member.read(entry.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise FileError(f"'{self._path}' is damaged: {name!r} cannot be read: {error}") from error
        if len(content) != entry.file_size:
            raise FileError(f"'{self._path}' is damaged: {name!r} is not as long as it should be.")
        return content

    def open(self, name: str) -> tuple[BinaryIO, int]:
        """A member as a file that can be read at any place, and its length; its checksum has been checked."""
        entry = self._entry(name)
        if entry.compress_type != zipfile.ZIP_STORED:
            return io.BytesIO(self.read(name, entry.file_size)), entry.file_size
        start = self._starts[name]
        if name not in self._sound and checksum(Window(self._file, start, entry.file_size)) != entry.CRC:
            raise FileError(f"'{self._path}' is damaged: the checksum of {name!r} isn't that of its content.")
        self._sound.add(name)
        return Window(self._file, start, entry.file_size), entry.file_size  # type: ignore[return-value]

    def _entry(self, name: str) -> zipfile.ZipInfo:
        if name not in self._entries:
            raise FileError(f"'{self._path}' has no {name!r}, which a `.keras` file has. It has {listing(self.names)}.")
        return self._entries[name]


class _Folder:
    """The members of a folder. Links in it are not followed."""

    def __init__(self, path: Path):
        self._path = path
        self.names: list[str] = []
        for root, folders, files in os.walk(path):
            for name in (*folders, *files):
                place = Path(root, name)
                if place.is_symlink() or not (place.is_dir() or place.is_file()):
                    raise UnsafeFileError(f"'{place}' is a link, a pipe or a device; a saved model has only files.")
            self.names += [Path(root, name).relative_to(path).as_posix() for name in files]
            if len(self.names) > MOST_MEMBERS:
                raise UnsafeFileError(f"'{path}' has over {MOST_MEMBERS:,} files; a saved model hasn't.")
        self.names = [name for name in self.names if _is_known(name)]

    def read(self, name: str, most: int) -> bytes:
        """The content of a member, if it has at most so many bytes."""
        with self._file(name) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise UnsafeFileError(f"'{self._path / name}' has over {most:,} bytes, which is more than is read.")
        return content

    def open(self, name: str) -> tuple[BinaryIO, int]:
        """A member as a file that can be read at any place, and its length."""
        file = self._file(name)
        return file, os.fstat(file.fileno()).st_size

    def _file(self, name: str) -> BinaryIO:
        if name not in self.names:
            raise FileError(f"The folder '{self._path}' has no {name!r}, which a saved model has.")
        return open_regular(self._path / name)


def _is_known(name: str) -> bool:
    return name in (METADATA, CONFIG, WEIGHTS) or name.startswith(ASSETS)


def _check_names(path: Path, names: list[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if not _is_known(name):
            raise UnsafeFileError(
                f"'{path}' has a member {name[:80]!r}, which a `.keras` file hasn't: it has {METADATA}, {CONFIG}, {WEIGHTS} "
                f"and files under {ASSETS}."
            )
        parts = name.removesuffix("/").split("/")
        if len(name) > 1024 or any(part in ("", ".", "..") or set(part) & set('\\:\0<>"|?*') for part in parts):
            raise UnsafeFileError(
                f"'{path}' has a member whose name leads elsewhere or cannot be a file's: {name[:80]!r}."
            )
        if name.casefold() in seen:
            raise UnsafeFileError(f"'{path}' has two members of one name: {seen[name.casefold()]!r} and {name!r}.")
        seen[name.casefold()] = name


def _check_entry(path: Path, entry: zipfile.ZipInfo) -> None:
    name, mode = entry.filename, entry.external_attr >> 16
    if entry.flag_bits & 0x41:
        raise UnsafeFileError(f"'{path}': the member {name!r} is encrypted.")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnsafeFileError(f"'{path}': the member {name!r} is a link or a device, not a file.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileError(f"'{path}': the member {name!r} is packed in a way that `.keras` files aren't.")
    if entry.compress_type == zipfile.ZIP_STORED and entry.compress_size != entry.file_size:
        raise UnsafeFileError(f"'{path}': the member {name!r} has two sizes.")
    if entry.file_size > ALWAYS_ALLOWED + MOST_EXPANSION * entry.compress_size:
        raise UnsafeFileError(
            f"'{path}': the member {name!r} would unpack from {entry.compress_size:,} to {entry.file_size:,} bytes."
        )
