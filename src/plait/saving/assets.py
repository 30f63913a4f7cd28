"""Assets: the files that layers keep beside their weights, such as vocabularies."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plait.saving.archive import ASSETS, Members
from plait.saving.object_paths import find_places


def assets_of(model: Any) -> Iterator[tuple[str, bytes]]:
    """The files that layers keep beside their weights, such as vocabularies, by their names in the archive."""
    for place in find_places(model):
        if hasattr(place.thing, "save_assets"):
            with tempfile.TemporaryDirectory() as folder:
                place.thing.save_assets(folder)
                for file in sorted(Path(folder).rglob("*")):
                    if file.is_file():
                        name = file.relative_to(folder).as_posix()
                        yield f"{ASSETS}{place.path}/{name}".replace("//", "/"), file.read_bytes()


def load_assets(model: Any, archive: Members) -> None:
    """Gives each layer the folder with its files."""
    if not any(name.startswith(ASSETS) for name in archive.names):
        return
    for place in find_places(model):
        start = f"{ASSETS}{place.path}/".replace("//", "/")
        names = [name for name in archive.names if name.startswith(start) and "/" not in name[len(start) :]]
        if names and hasattr(place.thing, "load_assets"):
            with tempfile.TemporaryDirectory() as folder:
                for name in names:
                    Path(folder, name[len(start) :]).write_bytes(archive.read(name, 2**32))
                place.thing.load_assets(folder)
