"""A program of its own that writes an HDF5 file anew in the forms that `hdf5` knows: `hdf5_process.py SOURCE TARGET BYTES`.

The HDF5 library reads the source, and a damaged file can crash it or keep it busy for ever. Here that ends this process, and
`rewritten` says so in the program that asked. It imports nothing of plait, so that it starts in a fifth of a second.

What is refused: links that lead elsewhere, arrays kept in other files, filters that need plugins, values that aren't numbers,
arrays larger than BYTES.
"""

import math
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import h5py

try:
    import resource
except ImportError:  # Windows: there the other process limits the time alone
    resource = None

_SECONDS = 30
_MEMORY = 2**31  # bytes beside the values
_UNSAFE, _DAMAGED = 3, 4  # exit codes
_MOST_LINKS, _MOST_DEPTH = 1_000_000, 100


def rewritten(file: BinaryIO, most: int) -> tuple[BinaryIO | None, str, bool]:
    """Has an HDF5 file written anew by another process.

    Args:
        file: a binary file that can be read at any place.
        most: how many bytes its arrays may take.

    Returns:
        The new file, open, or None; what was wrong; and whether that was unsafe.
    """
    with tempfile.TemporaryDirectory(prefix="plait-", ignore_cleanup_errors=True) as folder:
        source, target = Path(folder) / "source.h5", Path(folder) / "target.h5"
        file.seek(0)
        with source.open("wb") as copy:
            while piece := file.read(2**20):
                copy.write(piece)
        command = [sys.executable, "-P", __file__, str(source), str(target), str(most)]
        alone = {**os.environ, "HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1"}
        try:
            done = subprocess.run(command, capture_output=True, env=alone, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return None, f"the HDF5 library was not done after {_SECONDS} s", False
        if done.returncode == 0:
            return target.open("rb"), "", False
        said = done.stdout.decode("utf-8", "replace").strip()[:500]
        if done.returncode in (_UNSAFE, _DAMAGED):
            return None, said, done.returncode == _UNSAFE
        return None, f"the HDF5 library ended its process while it read it ({_end_of(done.returncode)})", False


def _end_of(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


class _UnsafeError(Exception):
    """A file that does more than hold arrays."""


def _limit(most: int) -> None:
    """Limits what this process may take."""
    if resource is None:
        return
    for what, amount in (
        (resource.RLIMIT_AS, _MEMORY + 2 * most),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_FSIZE, _MEMORY + most),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        limit = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(what, (limit, limit))


def _names(h5: Any) -> list[str]:
    """All groups and arrays, parents first."""
    found = []

    def visit(name: bytes, info: Any) -> str | None:
        text = name.decode("utf-8", "replace")
        if info.type != 0:  # a hard link
            return f"the link {text[:200]!r} leads elsewhere; weights files have none"
        if len(found) >= _MOST_LINKS or text.count("/") > _MOST_DEPTH:
            return f"there are over {_MOST_LINKS:,} groups and arrays, or over {_MOST_DEPTH} inside each other"
        found.append(text)
        return None

    problem = h5.id.links.visit(visit, info=True)
    if problem:
        raise _UnsafeError(problem)
    return found


def _check(path: str, dataset: Any, filters: set[int], left: int) -> int:
    """Makes sure that an array may be read; how many bytes it takes."""
    plan, size = dataset.id.get_create_plist(), math.prod(dataset.shape or ()) * dataset.dtype.itemsize
    used = {plan.get_filter(index)[0] for index in range(plan.get_nfilters())}
    if dataset.is_virtual or plan.get_external_count():
        raise _UnsafeError(f"it keeps {path} in another file")
    if used - filters:
        raise _UnsafeError(f"it packs {path} in a way that weights aren't packed in")
    if dataset.dtype.kind not in "fiubcV" or dataset.dtype.names or dataset.shape is None:
        raise _UnsafeError(f"it has something else than numbers at {path}: {dataset.dtype}")
    if size > left or (not used and size > dataset.id.get_storage_size()):
        raise _UnsafeError(
            f"it says that {path} has shape {tuple(dataset.shape)}, so {size:,} bytes, which it doesn't hold"
        )
    return size


def main(source: str, target: str, most: int) -> None:
    """Writes the source anew."""
    plain = (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM)
    filters = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
    with h5py.File(source, "r") as old, h5py.File(target, "w", libver=("earliest", "v108")) as new:
        for path in ("", *_names(old)):
            thing = old[path or "/"]
            if isinstance(thing, h5py.Dataset):
                most -= _check(path, thing, filters, most)
                made = new.create_dataset(path, data=thing[()], dtype=thing.dtype)
            else:
                made = new.require_group(path or "/")
            for name in thing.attrs:
                if thing.attrs.get_id(name).get_type().get_class() in plain:  # others crash the library where damaged
                    made.attrs[name] = thing.attrs[name]


if __name__ == "__main__":
    _limit(int(sys.argv[3]))
    try:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    except _UnsafeError as error:
        print(error)
        sys.exit(_UNSAFE)
    except Exception as error:
        print(error)
        sys.exit(_DAMAGED)
