"""Files from the web, kept in a folder: fetched once, checked, unpacked safely.

Only http and https. A file is there whole or not at all; so is what an archive holds. Nothing of an archive lands outside
of its own folder, and no links or devices come out of one.
"""

import contextlib
import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from plait.common.messages import did_you_mean
from plait.errors import ArgumentError, FileError, NameUnknownError, UnsafeFileError

_CHUNK = 1 << 20
_FREELY = 1 << 30  # an archive may hold this many bytes, whatever its own size
_GROWTH = 200  # and this many times its own size
_TIMEOUT = 60.0  # seconds without a byte


def get_file(
    fname: str | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """Fetches a file, if it isn't there yet, and returns its path.

    Args:
        fname: what to call it; the last part of the address if None.
        origin: the address, http or https.
        untar: unpacks a tar archive into a folder beside it, `<name>_extracted`. Use `extract` instead.
        md5_hash: its MD5 in hexadecimal. Use `file_hash` instead.
        file_hash: its SHA256 or MD5 in hexadecimal; a file with another one is refused.
        cache_subdir: the folder below `cache_dir`.
        hash_algorithm: "sha256", "md5", or "auto", which goes by the length.
        extract: unpacks an archive: the path is then that of the folder with its content.
        archive_format: "tar", "zip", "auto" for both, a list of these, or None for none.
        cache_dir: where files are kept; the environment variable PLAIT_HOME, or `~/.plait`, if None.
        force_download: fetches it anew.

    Returns:
        the path.

    Raises:
        ArgumentError: no address, one that isn't http(s), or a name that is a path.
        FileError: it can't be fetched, or isn't what the hash says.
        UnsafeFileError: an archive that reaches out of its folder, or grows beyond all measure.
    """
    fname = _checked_name(fname, origin)
    folder = Path(cache_dir if cache_dir is not None else _home()) / cache_subdir
    folder.mkdir(parents=True, exist_ok=True)
    expected = (md5_hash, "md5") if md5_hash is not None and file_hash is None else (file_hash, hash_algorithm)
    archive = folder / (f"{fname}_archive" if extract else fname)
    fresh = force_download or not archive.exists() or not _is_right(archive, *expected)
    if fresh:
        _fetch(str(origin), archive, *expected)
    if not (extract or untar):
        return str(archive)
    target = folder / (fname if extract else f"{_stem(fname)}_extracted")
    if fresh or not target.exists():
        _unpack(archive, target, _formats("tar" if untar and not extract else archive_format))
    return str(target)


def _home() -> Path:
    return Path(os.environ.get("PLAIT_HOME") or Path.home() / ".plait")


def _checked_name(fname: Any, origin: Any) -> str:
    if not origin:
        raise ArgumentError("get_file: `origin` must be the address of the file to download, but it isn't given.")
    address = urllib.parse.urlsplit(origin)
    if address.scheme not in ("http", "https"):
        raise ArgumentError(f"get_file: only http and https addresses are fetched, but got {origin!r}.")
    name = os.fspath(fname) if fname else os.path.basename(urllib.parse.unquote(address.path))
    if not name or name in (".", "..") or "/" in name or os.sep in name or os.path.isabs(name) or "\0" in name:
        raise ArgumentError(
            "Paths are no longer accepted as the `fname` argument. To specify the file's parent directory, use the `cache_dir` "
            f"argument, but got fname={fname}."
        )
    return name


def _stem(name: str) -> str:
    for ending in (".tar.gz", ".tar.bz2", ".tar.xz"):
        if name.endswith(ending):
            return name[: -len(ending)]
    return os.path.splitext(name)[0]


# ---------------------------------------------------------------------------- fetching


def _is_right(path: Path, expected: str | None, algorithm: str) -> bool:
    return expected is None or hash_file(path, _algorithm(expected, algorithm)) == expected.lower()


def _algorithm(expected: str, algorithm: str) -> str:
    if algorithm == "auto":
        return "sha256" if len(expected) == 64 else "md5"
    if algorithm not in ("sha256", "md5"):
        hint = did_you_mean(algorithm, ("sha256", "md5"))
        raise NameUnknownError(f'`hash_algorithm` must be "auto", "sha256" or "md5", but got {algorithm!r}.{hint}')
    return algorithm


def hash_file(path: Any, algorithm: str = "sha256") -> str:
    """A file's hash in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _fetch(origin: str, target: Path, expected: str | None, algorithm: str) -> None:
    """Downloads to a temporary file beside the target, checks it, and puts it in place."""
    print(f"Downloading data from {origin}")
    with _temporary(target.parent) as place:
        _download(origin, place / "file")
        if not _is_right(place / "file", expected, algorithm):
            raise FileError(
                f"Incomplete or corrupted file detected. The {algorithm} file hash of {origin} does not match the provided value "
                f"of {expected}."
            )
        _remove(target)
        os.replace(place / "file", target)


def _download(origin: str, path: Path) -> None:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _SafeRedirects(),
    ):
        opener.add_handler(handler)
    request = urllib.request.Request(origin, headers={"User-Agent": "plait"})
    try:
        with opener.open(request, timeout=_TIMEOUT) as reply, open(path, "wb") as file:
            shutil.copyfileobj(reply, file, _CHUNK)
            wanted = reply.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        raise FileError(f"URL fetch failure on {origin}: {error.code} -- {error.msg}") from error
    except (urllib.error.URLError, OSError) as error:
        raise FileError(f"URL fetch failure on {origin}: {getattr(error, 'reason', error)}") from error
    if wanted is not None and wanted.isdigit() and int(wanted) != path.stat().st_size:
        raise FileError(f"URL fetch failure on {origin}: got {path.stat().st_size} bytes of {wanted}. Try again.")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """The request for the new address."""
        scheme = urllib.parse.urlsplit(newurl).scheme
        if scheme not in ("http", "https") or (req.type == "https" and scheme == "http"):
            raise FileError(f"URL fetch failure on {req.full_url}: it redirects to {newurl}, which is less safe.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix=".plait-", dir=folder))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


# ---------------------------------------------------------------------------- unpacking


def _formats(archive_format: Any) -> tuple[str, ...]:
    if archive_format is None:
        return ()
    names = (archive_format,) if isinstance(archive_format, str) else tuple(archive_format)
    names = ("tar", "zip") if names == ("auto",) else names
    for name in names:
        if name not in ("tar", "zip"):
            raise NameUnknownError(
                f"get_file: archive_format must be 'tar', 'zip', 'auto' or None, but got {name!r}.{did_you_mean(name, ('tar', 'zip'))}"
            )
    return names


def _unpack(archive: Path, target: Path, formats: tuple[str, ...]) -> None:
    """Unpacks into a temporary folder beside the target, and puts that in place when all is well."""
    budget = max(_FREELY, _GROWTH * archive.stat().st_size)
    with _temporary(target.parent) as place:
        content = place / "content"
        content.mkdir()
        if "tar" in formats and tarfile.is_tarfile(archive):
            members = _tar_members(archive)
        elif "zip" in formats and zipfile.is_zipfile(archive):
            members = _zip_members(archive)
        else:
            raise FileError(
                f"{archive} is no archive of the formats {list(formats)}. Pass extract=False to keep it as it is."
            )
        for name, file in members:
            budget -= _write(content, name, file, budget, archive)
        _remove(target)
        os.replace(content, target)


def _tar_members(archive: Path) -> Iterator[tuple[str, Any]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            if not (member.isfile() or member.isdir()):
                raise UnsafeFileError(
                    f"{archive}: {member.name!r} is a link or a device. Only files and folders are unpacked."
                )
            yield member.name, tar.extractfile(member) if member.isfile() else None


def _zip_members(archive: Path) -> Iterator[tuple[str, Any]]:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            if member.external_attr >> 16 & 0o170000 == 0o120000:
                raise UnsafeFileError(f"{archive}: {member.filename!r} is a link. Only files and folders are unpacked.")
            if member.is_dir():
                yield member.filename, None
            else:
                with packed.open(member) as file:
                    yield member.filename, file


def _write(folder: Path, name: str, file: BinaryIO | None, budget: int, archive: Path) -> int:
    """Writes one member below a folder; returns how many bytes it has."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name or any(":" in part for part in path.parts[:1]):
        raise UnsafeFileError(f"{archive}: {name!r} reaches out of the folder that the archive is unpacked into.")
    target = folder.joinpath(*path.parts)
    if file is None:
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with open(target, "wb") as out:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > budget:
                raise UnsafeFileError(
                    f"{archive}: it holds more than {_GROWTH} times its own size. Unpack it by hand, if you trust it."
                )
            out.write(chunk)
    return size
