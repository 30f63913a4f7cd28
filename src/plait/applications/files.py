"""Published files of weights and names, kept in `models` beside the data sets: what Keras has fetched is there already."""

from plait.datasets.files import home
from plait.errors import FileError
from plait.utils.download import get_file


def fetched(name: str, origin: str, file_hash: str | None = None) -> str:
    """The path of a published file.

    Raises:
        FileError: it isn't there and can't be fetched; the message says from where, and which folder it belongs in.
    """
    try:
        return get_file(name, origin, file_hash=file_hash, cache_subdir="models", cache_dir=home())
    except FileError as error:
        raise FileError(
            f"The file {name!r} isn't there and can't be fetched: {error} Fetch {origin} where there is a network, and put "
            f"it into {home() / 'models'} as {name!r}."
        ) from error
