"""Weights in HDF5: one group for each object, its variables under `vars/0`, `vars/1`, ..., as Keras lays them out.

Reading has two halves. First everything is looked at: which links there are, which group belongs to which object, how many
variables it holds, of which shapes, and whether the bytes for them are really there. All that doesn't fit is told in one
error, before a byte of a weight is read. Then the values are read and assigned; should that fail all the same, every
variable gets back what it had.

Verbs: `write_weights` and `read_weights`.

What is refused: links that lead elsewhere (soft, external, user-defined), data kept in other files, virtual datasets,
filters that need plugins, values that aren't plain numbers, arrays whose bytes aren't in the file.

h5py only writes. Files are read by `hdf5`, for damaged ones can crash the HDF5 library, and the program with it.

Differs from Keras: nothing is assigned before all is checked, and weights in the file that the model has no place for are
an error, not passed over.
"""

import contextlib
import io
import math
import re
from collections.abc import Container, Iterable, Iterator, Mapping, MutableMapping, Sequence
from functools import partial
from typing import Any, BinaryIO, NamedTuple

import h5py
import jax.numpy as jnp
import numpy as np

from plait.common.messages import did_you_mean, listing, warn
from plait.common.traits import has_default
from plait.core.cell import placed
from plait.core.variable import Variable, all_or_none, given_away
from plait.errors import FileError, PlaitError, UnsafeFileError
from plait.layers.ownership import Owner
from plait.optimizers.base import Optimizer
from plait.saving.archive import ALWAYS_ALLOWED, MOST_EXPANSION
from plait.saving.flat_weights import FlatArray
from plait.saving.hdf5 import Array, Damaged, Hdf5File, NewerForm
from plait.saving.hdf5_process import rewritten
from plait.saving.object_paths import Place, find_places

_CACHE_LINE = 64  # bytes
_FILTERS = {1, 2, 3}  # deflate, shuffle, fletcher32
_NARROW_FLOATS = {name: getattr(jnp, name) for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2")}
_OLD_LAYERS = "_layer_checkpoint_dependencies"  # what `layers` is called in files of Keras 2.13
_SEEDS = re.compile(r"(^|/)_?seed_generators?(/|$)")  # early releases of Keras 3 kept them


# ---------------------------------------------------------------------------- writing


def write_weights(root: Any, file: BinaryIO, without: Sequence[Any] = ()) -> None:
    """Writes the weights of a model, and of all that it holds, into an open file.

    Args:
        root: a model or layer.
        file: a binary file that can be written, read and sought.
        without: objects that are left out, such as the optimizer.
    """
    with open_for_writing(file) as h5:
        write_places(root, h5, without)


def write_places(root: Any, h5: h5py.File, without: Sequence[Any] = ()) -> None:
    """Writes the weights of a model, and of all that it holds, into an open HDF5 file."""
    left_out = {id(thing) for thing in without}
    for place in find_places(root):
        if not _is_within(place, left_out):
            store = ArrayWriter(h5, f"{place.path}/vars")
            name = getattr(place.thing, "name", None)
            if isinstance(name, str):
                store.group().attrs["name"] = name
            place.thing.save_own_variables(store)


def open_for_writing(file: BinaryIO) -> h5py.File:
    """A new weights file, with nothing in it yet."""
    return h5py.File(file, "w")


def _is_within(place: Place, left_out: set[int]) -> bool:
    return id(place.thing) in left_out or any(_is_within(parent, left_out) for parent, _ in place.parents[:1])


class ArrayWriter(MutableMapping):
    """Where an object puts its arrays: a dict that writes through to the file.

    Args:
        h5: the file.
        path: the group for the arrays: the object's place, and `vars`.
    """

    def __init__(self, h5: h5py.File, path: str):
        self.h5, self._path = h5, path
        self._shapes: dict[str, Any] = {}

    def group(self) -> Any:
        """The group, made if it isn't there."""
        return self.h5.require_group(self._path)

    def __setitem__(self, key: str, value: Any) -> None:
        array = np.asarray(value)
        narrow = array.dtype.name in _NARROW_FLOATS
        stored = array.view(f"V{array.dtype.itemsize}") if narrow else array
        dataset = self.group().create_dataset(str(key), data=stored)
        if narrow:
            dataset.attrs["dtype"] = array.dtype.name
        self._shapes[str(key)] = array.shape

    def __getitem__(self, key: str) -> Any:
        return self.group()[key][()]

    def __delitem__(self, key: str) -> None:
        del self.group()[key]
        del self._shapes[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


# ---------------------------------------------------------------------------- reading: the file


class StoredArray(NamedTuple):
    """What the file says about one array."""

    array: Array
    shape: tuple[int, ...]
    dtype: np.dtype


class StoredGroup(Mapping):
    """The arrays that a file keeps for one object: a dict that reads when asked.

    Attributes:
        path: where the object stands in the file.
        arrays: what is there, by key, not yet read.
        name: the name of the object that was written, if the file says so.
    """

    def __init__(self, path: str, arrays: dict[str, StoredArray], name: str | None = None):
        self.path, self.arrays, self.name = path, arrays, name

    def __getitem__(self, key: str) -> np.ndarray:
        array, shape, dtype = self.arrays[str(key)]
        with damage(f"{self.path}/vars/{key}"):
            value = _aligned(shape, array.type.dtype)  # type: ignore[arg-type]
            if value.size:
                array.read_into(value)
        value = value.view(dtype) if value.dtype.kind == "V" else value
        return given_away(value if value.dtype.isnative else value.astype(value.dtype.newbyteorder("=")))

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    @property
    def title(self) -> str:
        """What to call it in a message: its place, and the name of the object that was written there."""
        name = self.name
        return f"{self.path or 'vars'} ({name!r})" if name else self.path or "vars"


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array for values that go to a device: where its memory begins at a cache line, XLA on CPU takes it as it is."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + _CACHE_LINE, "uint8")
    start = -memory.ctypes.data % _CACHE_LINE
    return memory[start : start + size].view(dtype).reshape(shape)


class StoredWeights:
    """An open weights file whose links have been checked: all of them stay inside.

    Args:
        file: a binary file that can be read at any place.

    Raises:
        FileError: not an HDF5 file, or a damaged one.
        UnsafeFileError: a link that leads elsewhere, or more of them than weights could need.
    """

    def __init__(self, file: Any):
        self._rewritten: BinaryIO | None = None
        with damage("it"):
            try:
                self.objects = Hdf5File(file).objects
            except NewerForm:
                self.objects = Hdf5File(self._rewrite(file)).objects
        self.names = dict.fromkeys(path for path in self.objects if path)
        self.children = children_of(self.names)
        self._groups: dict[str, StoredGroup | None] = {}

    def _rewrite(self, file: Any) -> BinaryIO:
        """The same file in the forms that h5py writes by default, which another process has made."""
        size = file.seek(0, io.SEEK_END)
        self._rewritten, problem, unsafe = rewritten(file, ALWAYS_ALLOWED + MOST_EXPANSION * size)
        if unsafe:
            raise UnsafeFileError(f"This weights file is not safe to read: {problem}.")
        if self._rewritten is None:
            raise Damaged(problem)
        return self._rewritten

    def __enter__(self) -> "StoredWeights":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._rewritten is not None:
            self._rewritten.close()

    def group(self, path: str) -> StoredGroup | None:
        """The arrays of the object at a path, checked; None where there is nothing."""
        if path not in self._groups:
            place = f"{path}/vars".removeprefix("/")
            keys = sorted(self.children.get(place, ()), key=_natural)
            found = {key: self.array(f"{place}/{key}") for key in keys}
            name = self.attribute(place, "name") if found else None
            known = StoredGroup(path, found, name if isinstance(name, str) else None)
            self._groups[path] = known if place in self.names else None
        return self._groups[path]

    def array(self, path: str) -> StoredArray:
        """The array at a path, not yet read; its type and storage have been checked."""
        with damage(path):
            array = self.objects[path].array
            if array is None:
                raise FileError(f"This weights file has a group at {path}, where an array should be.")
            dtype = self._plain_dtype(path, array)
            _check_storage(path, array)
            return StoredArray(array, array.shape or (), dtype)

    def _plain_dtype(self, path: str, array: Array) -> np.dtype:
        dtype = array.type.dtype
        if dtype is not None and dtype.kind in "fiubc":
            return dtype
        if dtype is not None:
            narrow = _NARROW_FLOATS.get(self.attribute(path, "dtype"))
            if narrow is not None and np.dtype(narrow).itemsize == dtype.itemsize:
                return np.dtype(narrow)
        raise UnsafeFileError(f"This weights file has something else than numbers at {path}: {array.type}.")

    def attribute(self, path: str, name: str) -> Any:
        """An attribute of a group or an array, a list where it is an array; None where there is none.

        Raises:
            FileError: one that is neither text nor numbers.
        """
        with damage(f"the attribute {name!r} of {path or 'the file'}"):
            return self.objects[path].attribute(name)

    def total_bytes(self) -> int:
        """How many bytes all arrays of all objects take once they are read."""
        groups = (self.group(path) for path in self.groups_with_arrays())
        arrays = (array for group in groups if group is not None for array in group.arrays.values())
        return sum(math.prod(array.shape) * max(array.dtype.itemsize, 4) for array in arrays)

    def flat(self) -> dict[str, FlatArray]:
        """All arrays by their paths in the file, without `vars`: `layers/dense/0`."""
        found = {}
        for path in self.groups_with_arrays():
            group = self.group(path)
            for key, array in (group.arrays if group is not None else {}).items():
                found[f"{path}/{key}".lstrip("/")] = FlatArray(array.shape, partial(group.__getitem__, key))  # type: ignore[union-attr]
        return found

    def groups_with_arrays(self) -> list[str]:
        """The paths of all objects that have arrays here."""
        return [n.rpartition("vars")[0].rstrip("/") for n in self.children if n == "vars" or n.endswith("/vars")]


def _natural(key: str) -> tuple:
    return (0, int(key), "") if key.isdecimal() and len(key) < 10 else (1, 0, key)


def _check_storage(path: str, array: Array) -> None:
    """Makes sure that an array's bytes are in this very file, all of them, and can be read without plugins."""
    if array.elsewhere:
        raise UnsafeFileError(f"This weights file keeps {path} in another file.")
    if set(array.filters) - _FILTERS:
        raise UnsafeFileError(f"This weights file packs {path} in a way that weights aren't packed in.")
    needed, chunk = (math.prod(shape) * array.type.size for shape in (array.shape or (), array.chunk))
    if array.filters:
        fits = array.stored > 0 and max(needed, chunk) <= ALWAYS_ALLOWED + MOST_EXPANSION * array.stored
    else:
        fits = array.stored >= needed
    if needed and not fits:
        raise UnsafeFileError(
            f"This weights file says that {path} has shape {array.shape}, so {needed:,} bytes, but holds {array.stored:,}."
        )


@contextlib.contextmanager
def damage(what: str) -> Iterator[None]:
    """Turns what HDF5 says about damaged files into our error."""
    try:
        yield
    except PlaitError:
        raise
    except Exception as error:
        raise FileError(f"This weights file is damaged, or is none: {what} cannot be read: {error}") from error


# ---------------------------------------------------------------------------- reading: finding places


def children_of(names: Iterable[str]) -> dict[str, list[str]]:
    """The names below each name."""
    children: dict[str, list[str]] = {}
    for name in names:
        parent, _, own = name.rpartition("/")
        children.setdefault(parent, []).append(own)
    return children


def find_groups(names: Iterable[str], places: Sequence[Place]) -> list[str | None]:
    """For each place of a model the group of its arrays, among the paths of all groups; None where it has none."""
    all_names: dict[str, None] = {}
    for name in names:
        parts = name.split("/")
        all_names |= {"/".join(parts[: end + 1]): None for end in range(len(parts))}
    finder = _Finder(all_names, children_of(all_names), places)
    return [finder.path(place) for place in places]


class _Finder:
    """Finds for each place of a model the group of a file, also where older releases wrote it."""

    def __init__(self, names: Container[str], children: Mapping[str, list[str]], places: Sequence[Place]):
        self._names, self._children = names, children
        self._found: dict[int, str | None] = {}
        self._members: dict[tuple[int, str, str], list[str]] = {}
        for place in places:
            for parent, name in place.parents:
                container, _, member = name.rpartition("/")
                if container:
                    self._members.setdefault((id(parent), container, _stem(member)), []).append(member)

    def path(self, place: Place) -> str | None:
        """Where a file has a place; None where it hasn't."""
        if id(place) not in self._found:
            self._found[id(place)] = None if place.parents else ""
            for parent, name in place.parents:
                above = self.path(parent)
                found = self._below(above, parent, name) if above is not None else None
                if found is not None:
                    self._found[id(place)] = found
                    break
        return self._found[id(place)]

    def _below(self, above: str, parent: Place, name: str) -> str | None:
        older = re.sub(r"^layers(?=/)", _OLD_LAYERS, name)
        for variant in dict.fromkeys((name, older)):
            for separator in ("/", "\\"):  # "\\": written under Windows by Keras 2
                container, _, member = variant.rpartition("/")
                base = separator.join(filter(None, (above, container.replace("/", separator))))
                if container:
                    member = self._member(base, separator, (id(parent), name.rpartition("/")[0], _stem(member)), member)
                path = f"{base}{separator}{member}" if base else member
                if path in self._names:
                    return path
        return None

    def _member(self, base: str, separator: str, key: tuple[int, str, str], member: str) -> str:
        """The member of a container in the file; where its numbers have gaps, the one of the same rank."""
        if f"{base}{separator}{member}" in self._names and separator == "/" and not self._gaps(base, key):
            return member
        there = self._of_stem(base, separator, key[2])
        expected = sorted(set(self._members[key]), key=_number)
        if len(there) != len(expected) or set(expected) <= set(there):
            return member
        return there[expected.index(member)]

    def _gaps(self, base: str, key: tuple[int, str, str]) -> bool:
        return any(f"{base}/{member}" not in self._names for member in self._members[key])

    def _of_stem(self, base: str, separator: str, stem: str) -> list[str]:
        if separator == "/":
            names = self._children.get(base, [])
        else:
            start = f"{base}{separator}"
            names = [name[len(start) :] for name in self._children.get("", []) if name.startswith(start)]
        return sorted((n for n in names if _stem(n) == stem and "\\" not in n), key=_number)


def _stem(member: str) -> str:
    return re.sub(r"_\d{1,9}$", "", member)


def _number(member: str) -> int:
    return int(member[len(_stem(member)) + 1 :] or 0)


# ---------------------------------------------------------------------------- reading: checking and assigning


def read_weights(
    root: Any,
    file: Any,
    owner: str,
    skip_mismatch: bool = False,
    skip: Sequence[Any] = (),
    strict: bool = True,
) -> None:
    """Reads the weights of a model, and of all that it holds: all of them, or none if something doesn't fit.

    Args:
        root: a model or layer, built.
        file: a binary file that can be read at any place.
        owner: what to call this in messages.
        skip_mismatch: whether what doesn't fit is passed over with a warning.
        skip: objects that are left as they are.
        strict: whether weights in the file that the model has no place for are a mismatch.

    Raises:
        FileError: something doesn't fit; everything that doesn't is listed.
        UnsafeFileError: the file does more than hold weights.
    """
    places = find_places(root)
    with StoredWeights(file) as stored:
        finder = _Finder(stored.names, stored.children, places)
        left_out = {id(thing) for thing in skip}
        plan, problems, taken = [], [], set()
        for place in places:
            path = finder.path(place)
            group = stored.group(path) if path is not None else None
            taken.add(path)
            if id(place.thing) not in left_out:
                _build_optimizer(root, place.thing, group)
                found = _compare(place, group)
                problems += found
                if not found and (group is not None or not _is_plain(place.thing)):
                    plan.append((place, group or StoredGroup(place.path, {})))
        unknown = [path for path in stored.groups_with_arrays() if path not in taken and not _is_beside(path, places)]
        problems += _tell_unknown(stored, unknown) if strict else []
        _report(owner, problems, skip_mismatch, stored, unknown)
        _assign(root, plan)


def _build_optimizer(root: Any, thing: Any, group: StoredGroup | None) -> None:
    """Makes the variables of an optimizer that was just compiled, where the file has values for them."""
    is_new = isinstance(thing, Optimizer) and not thing.built and thing is getattr(root, "optimizer", None)
    if is_new and group is not None and len(group) > len(thing._own_variables()):
        thing.build_for(root.trainable_variables)


def _is_plain(thing: Any) -> bool:
    """Whether an object reads its variables as all do, so that they can be compared with the file beforehand."""
    return has_default(type(thing), "load_own_variables")


def _compare(place: Place, group: StoredGroup | None) -> list[str]:
    """What doesn't fit between the variables of an object and the arrays of a group."""
    thing, count = place.thing, len(group or ())
    if not _is_plain(thing):
        return []
    variables = thing.variables if isinstance(thing, Optimizer) else thing._stored_variables()
    if isinstance(thing, Optimizer) and count != len(variables):
        return []  # it begins anew, and says so itself
    if count and not variables:
        built = "" if getattr(thing, "built", True) else " It isn't built: call it on data, or build it, first."
        return [f"{place.title} has no weights, but the file has {count} for it.{built}"]
    if not count and variables:
        return [f"{place.title}: its {len(variables)} weights aren't in the file"]
    if count != len(variables):
        shapes = [array.shape for array in group.arrays.values()]  # type: ignore[union-attr]
        mine = [f"{variable.name} {variable.shape}" for variable in variables]
        return [f"{place.title} has {len(variables)} weights ({listing(mine)}), but the file has {count}: {shapes}"]
    return [problem for index, variable in enumerate(variables) for problem in _differs(place, variable, group, index)]


def _differs(place: Place, variable: Variable, group: StoredGroup | None, index: int) -> list[str]:
    array = group.arrays.get(str(index)) if group is not None else None
    if array is None:
        return [f"{place.title}: the file has no array {index} for {variable.name!r}, only {listing(group or ())}"]
    if array.shape != variable.shape:
        return [f"{place.title}: {variable.name!r} has shape {variable.shape}, but in the file {array.shape}"]
    return []


def _is_beside(path: str, places: Sequence[Place]) -> bool:
    """Whether a group is none of the model's weights: the state of an optimizer, metric or seed that it doesn't have."""
    if _SEEDS.search(path):
        return True
    owners = {place.path for place in places}
    parts = re.split(r"[/\\]", path)
    return any(part in ("optimizer", "metrics") and "/".join(parts[:i]) in owners for i, part in enumerate(parts))


def _tell_unknown(stored: StoredWeights, unknown: list[str]) -> list[str]:
    groups = [group for path in unknown if (group := stored.group(path)) is not None]
    return [f"the file has {len(group)} weights for {group.title}, which the model doesn't have" for group in groups]


def _report(owner: str, problems: list[str], skip: bool, stored: StoredWeights, unknown: list[str]) -> None:
    if not problems:
        return
    names = {name: path for path in unknown if (group := stored.group(path)) is not None and (name := group.name)}
    lines = []
    for problem in problems[:50]:
        name = re.match(r"\w+ '([^']*)' ", problem)
        near = did_you_mean(name[1], names) if name and "aren't in the file" in problem else ""
        lines.append(f"  - {problem}{'.' + near if near else ''}")
    more = [f"  ... and {len(problems) - 50} more"] if len(problems) > 50 else []
    if skip:
        title = f"{owner}: A total of {len(problems)} objects could not be loaded, and are left as they were:"
        warn("\n".join([title, *lines, *more]))
        return
    title = f"{owner}: A total of {len(problems)} objects could not be loaded, so nothing was:"
    hint = "skip_mismatch=True loads what fits."
    raise FileError("\n".join([title, *lines, *more, hint]))


def _assign(root: Any, plan: list[tuple[Place, StoredGroup]]) -> None:
    """Reads and assigns; when that fails half-way, gives every variable back what it had."""
    owned = [
        *root.variables,
        *(v for place, _ in plan if isinstance(place.thing, Optimizer) for v in place.thing.variables),
    ]
    with all_or_none(owned):
        for place, group in plan:
            if isinstance(place.thing, Owner) and has_default(type(place.thing), "load_own_variables"):
                for index, variable in enumerate(place.thing._stored_variables()):
                    variable.assign(_laid_out(group[str(index)], variable))
            else:
                _load_by_itself(place, group)


def _load_by_itself(place: Place, group: StoredGroup) -> None:
    thing = place.thing
    if isinstance(thing, Optimizer) and len(group) == len(thing._own_variables()) < len(thing.variables):
        for index, variable in enumerate(thing._own_variables()):  # it was compiled, but hadn't trained yet
            variable.assign(group[str(index)])
        return
    try:
        thing.load_own_variables(group)
    except PlaitError as error:
        error.add_note(f"plait: while reading {place.title}")
        raise
    except Exception as error:
        raise FileError(
            f"{place.title} could not be loaded, so nothing was: its `load_own_variables` says {type(error).__name__}: {error}"
        ) from error


def _laid_out(value: np.ndarray, variable: Variable) -> Any:
    """The value, on the devices that the variable is on where these are several."""
    sharding = variable.value.sharding if variable.filled else None
    if sharding is None or len(sharding.device_set) == 1:
        return value
    return placed(value.astype(variable.dtype), sharding)
