"""HDF5 without the HDF5 library: the few structures that h5py writes by default, which are all that Keras's files have.

    Hdf5File(file) -> objects by path -> attribute(name), array.read_into(memory)

The library was written for files that one trusts: a flipped bit can make it read or write outside its memory, and that ends
the program. Here every offset and size is checked against the file, each structure is gone through once, and the worst that
a file can do is an error. It is also faster for many small arrays, and h5py isn't loaded.

What it knows: superblock 0, object headers 1, groups with symbol tables or with a few links, arrays that are contiguous,
compact or in chunks (deflate, shuffle, fletcher32), attributes, texts in global heaps. Files that other programs wrote in
newer forms raise `NewerForm`; `hdf5_process` has those written anew by the library, in a process of its own.

What is refused: links that aren't hard, arrays kept in other files, and virtual ones.

The source is "HDF5 File Format Specification Version 3.0" (The HDF Group).
"""

import io
import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from plait.errors import FileError, UnsafeFileError

MOST_LINKS = 1_000_000
MOST_DEPTH = 100
SIGNATURE = b"\x89HDF\r\n\x1a\n"
_NOWHERE = 2**64 - 1  # the address of something that isn't in the file
_MOST_METADATA = 2**28  # bytes of one attribute, heap or object header
# The messages of an object header that count here.
_SPACE, _LINKS, _TYPE, _EXTERNAL, _LINK, _LAYOUT, _FILTERS, _ATTRIBUTE = 0x01, 0x02, 0x03, 0x07, 0x06, 0x08, 0x0B, 0x0C
_CONTINUED, _TABLE, _ATTRIBUTES = 0x10, 0x11, 0x15
_PASSED_OVER = {0x00, 0x04, 0x05, 0x0A, 0x0D, 0x0E, 0x12, 0x16}  # nothing, fill values, comments, times, counts
_DEFLATE, _SHUFFLE, _FLETCHER = 1, 2, 3
_CLASSES = (
    "fixed-point numbers", "floating-point numbers", "times", "text", "bit fields", "opaque values", "compounds", "references",
    "enumerations", "sequences", "arrays",
)  # fmt: skip


class NewerForm(Exception):
    """A file has structures of a form that is not read here."""


class Damaged(Exception):
    """A file is not what its own numbers say."""


class Type(NamedTuple):
    """The type of the values of an array or attribute.

    Attributes:
        kind: HDF5's class, a number.
        dtype: NumPy's, where they are numbers or raw bytes of one size; else None.
        size: bytes of one value.
        text: whether it is text of any length.
    """

    kind: int
    dtype: np.dtype | None
    size: int
    text: bool = False

    def __str__(self) -> str:
        return str(self.dtype) if self.dtype is not None else _CLASSES[self.kind]


class Array:
    """An array in a file, not yet read.

    Attributes:
        type: of its values.
        shape: of the array; None where it is said to be empty.
        filters: numbers of the filters that its chunks went through.
        elsewhere: whether its values are in another file.
        chunk: the shape of its chunks, or ().
        stored: how many bytes the file has for it.
    """

    def __init__(self, file: "Hdf5File", messages: dict[int, list[bytes]]):
        self._file = file
        self.type = _type_of(messages[_TYPE][0])
        self.shape = _shape_of(messages[_SPACE][0])
        self.filters = _filters_of(messages[_FILTERS][0]) if _FILTERS in messages else []
        self.elsewhere, self.chunk = _EXTERNAL in messages, ()
        self._compact: bytes | None = None
        self._address, self.stored = _NOWHERE, 0
        self._chunks: list[tuple[tuple[int, ...], int, int, int]] = []
        self._take_layout(messages[_LAYOUT][0])

    def _take_layout(self, layout: bytes) -> None:
        version, kind = layout[0], layout[1]
        if version == 4 and kind == 3:
            self.elsewhere = True
            return
        if version != 3:
            raise NewerForm(f"layout {version}")
        if kind == 0:
            (size,) = struct.unpack_from("<H", layout, 2)
            self._compact = layout[4 : 4 + size]
            self.stored = len(self._compact)
        elif kind == 1:
            self._address, size = struct.unpack_from("<QQ", layout, 2)
            if self._address != _NOWHERE and not self.elsewhere:
                self._file.check(self._address, size)
                self.stored = size
        elif kind == 2:
            (tree,) = struct.unpack_from("<Q", layout, 3)
            *self.chunk, _ = struct.unpack_from(f"<{layout[2]}I", layout, 11)
            if len(self.chunk) != len(self.shape or ()) or not all(self.chunk):
                raise Damaged("its chunks have another rank than its shape")
            self._chunks = list(self._file.chunks(tree, len(self.chunk)))
            steps = zip(self.shape or (), self.chunk, strict=True)
            if self._chunks and len(self._chunks) < math.prod(-(-length // step) for length, step in steps):
                raise NewerForm("chunks that aren't there, and hold a fill value")
            self.stored = sum(size for _, _, size, _ in self._chunks)
        else:
            raise NewerForm(f"layout of class {kind}")

    def read_into(self, target: np.ndarray) -> None:
        """Reads all values into an array of this shape and dtype, which is contiguous."""
        flat = target.reshape(-1).view(np.uint8)
        if self._compact is not None:
            flat[:] = np.frombuffer(self._compact, np.uint8, len(flat))
        elif not self.chunk:
            self._file.read_into(self._address, flat.data)
        else:
            self._read_chunks(target)

    def _read_chunks(self, target: np.ndarray) -> None:
        target[...] = np.zeros((), target.dtype)
        size, done = math.prod(self.chunk) * target.itemsize, set()
        for start, address, stored, mask in self._chunks:
            if start in done or any(place % step for place, step in zip(start, self.chunk, strict=True)):
                raise Damaged("its chunks overlap")
            done.add(start)
            data = _unfiltered(self._file.read(address, stored), self.filters, mask, target.itemsize, size)
            part = np.frombuffer(data, target.dtype).reshape(self.chunk)
            places = tuple(slice(place, place + step) for place, step in zip(start, self.chunk, strict=True))
            there = target[places]
            there[...] = part[tuple(slice(0, length) for length in there.shape)]


class Object:
    """A group or an array, with its attributes.

    Attributes:
        array: the array; None for a group.
        links: the addresses of a group's members, by name.
    """

    def __init__(self, file: "Hdf5File", address: int):
        messages = file.messages(address)
        self._file, self._attributes = file, messages.get(_ATTRIBUTE, ())
        self.links: dict[str, int] = {}
        self.array = Array(file, messages) if _LAYOUT in messages else None
        if _TABLE in messages:
            self.links = dict(file.symbols(*struct.unpack_from("<QQ", messages[_TABLE][0])))
        elif self.array is None:
            for info in messages.get(_LINKS, ()):
                if struct.unpack_from("<Q", info, 10 if info[1] & 1 else 2)[0] != _NOWHERE:
                    raise NewerForm("links in a heap")
            self.links = dict(sorted(_link(message) for message in messages.get(_LINK, ())))

    def attribute(self, name: str) -> Any:
        """The value of an attribute, lists for arrays; None where there is none.

        Raises:
            FileError: one that is neither text nor a number.
        """
        for message in self._attributes:
            found, kind, shape, data = _attribute(message)
            if found == name:
                return self._value(name, kind, shape, data)
        return None

    def _value(self, name: str, kind: Type, shape: tuple[int, ...] | None, data: bytes) -> Any:
        numbers = kind.dtype is not None and kind.dtype.kind in "fiub"
        if not (numbers or kind.kind == 3 or kind.text):
            raise FileError(f"The attribute {name!r} has {kind}; only text and numbers are read.")
        if shape is None:
            return None
        count = math.prod(shape)
        if count * kind.size > len(data):
            raise Damaged(f"the attribute {name!r} is cut")
        pieces = (data[index * kind.size : (index + 1) * kind.size] for index in range(count))
        if numbers:
            values = np.frombuffer(data, kind.dtype, count).tolist()
        elif kind.text:
            values = [self._file.in_heap(*struct.unpack("<IQI", piece)).decode("utf-8") for piece in pieces]
        else:
            values = [piece.rstrip(b"\0") for piece in pieces]
        return values if shape else values[0]


class Hdf5File:
    """An open HDF5 file whose links have all been followed: all of them stay inside.

    Args:
        file: a binary file that can be read at any place.

    Attributes:
        objects: groups and arrays by path, parents first and by name; the root's path is "".

    Raises:
        NewerForm: it has structures that are not read here.
        UnsafeFileError: a link that leads elsewhere, or more of them than weights could need.
        Damaged, and whatever else Python says about bytes that make no sense.
    """

    def __init__(self, file: BinaryIO):
        self._file = file
        self._size = file.seek(0, io.SEEK_END)
        self._heaps: dict[int, dict[int, bytes]] = {}
        start = self.read(0, min(self._size, 96))
        if not start.startswith(SIGNATURE):
            raise Damaged("it doesn't begin as HDF5 does")
        version, _, _, _, _, offsets, lengths = start[8:15]
        if version:
            raise NewerForm(f"superblock {version}")
        base, _, end, _, _, root = struct.unpack_from("<QQQQQQ", start, 24)
        if (offsets, lengths, base) != (8, 8, 0):
            raise NewerForm("sizes of offsets")
        if end > self._size:
            raise Damaged(f"it is cut: it has {self._size:,} of {end:,} bytes")
        self.objects = self._walk(root)

    # ------------------------------------------------------------------------ bytes

    def check(self, address: int, size: int) -> None:
        """Makes sure that some bytes are in the file."""
        if address + size > self._size:
            raise Damaged(f"it has {self._size:,} bytes, and none at {address + size - 1:,}")

    def read_into(self, address: int, memory: memoryview) -> None:
        """Reads bytes into memory."""
        self.check(address, len(memory))
        self._file.seek(address)
        done = 0
        while done < len(memory):
            count = self._file.readinto(memory[done:])  # type: ignore[attr-defined]
            if not count:
                raise Damaged(f"it ends at {address + done:,}")
            done += count

    def read(self, address: int, size: int) -> bytes:
        """Reads bytes."""
        self.check(address, size)
        memory = bytearray(size)
        self.read_into(address, memoryview(memory))
        return bytes(memory)

    def _signed(self, address: int, signature: bytes, size: int) -> bytes:
        """The beginning of a structure, which has a signature."""
        data = self.read(address, size)
        if not data.startswith(signature):
            raise Damaged(f"it has no {signature.decode()} at {address:,}")
        return data

    # ------------------------------------------------------------------------ groups

    def _walk(self, root: int) -> dict[str, Object]:
        found: dict[str, Object] = {"": Object(self, root)}
        by_address = {root: found[""]}
        waiting = [("", name, address) for name, address in reversed(found[""].links.items())]
        while waiting:
            above, name, address = waiting.pop()
            path = f"{above}/{name}" if above else name
            if len(found) > MOST_LINKS or path.count("/") > MOST_DEPTH:
                raise UnsafeFileError(
                    f"This weights file is not safe to read: there are over {MOST_LINKS:,} groups and arrays, or over {MOST_DEPTH} "
                    "inside each other."
                )
            known = by_address.get(address)
            found[path] = thing = known or by_address.setdefault(address, Object(self, address))
            if known is None:  # what is linked twice is gone through once
                waiting += [(path, inner, place) for inner, place in reversed(thing.links.items())]
        return found

    def messages(self, address: int) -> dict[int, list[bytes]]:
        """The messages of an object header that count here, by type."""
        version, _, count, _, size = struct.unpack("<BBHII", self.read(address, 12))
        if version != 1:
            raise NewerForm("object headers")
        found: dict[int, list[bytes]] = {}
        blocks, seen = [(address + 16, size)], 0
        for start, length in blocks:  # continued blocks are added meanwhile
            if length > _MOST_METADATA or len(blocks) > count + 1:
                raise Damaged(f"the object header at {address:,} is too long")
            data, at = self.read(start, length), 0
            while at + 8 <= length and seen < count:
                kind, size, flags = struct.unpack_from("<HHB", data, at)
                body, seen = data[at + 8 : at + 8 + size], seen + 1
                at += 8 + size
                if kind == _CONTINUED:
                    blocks.append(struct.unpack_from("<QQ", body))
                elif kind not in _PASSED_OVER:
                    if flags & 2 or kind > _ATTRIBUTES or kind == _ATTRIBUTES:
                        raise NewerForm(f"message {kind}")
                    found.setdefault(kind, []).append(body)
        return found

    def symbols(self, tree: int, heap: int) -> Iterator[tuple[str, int]]:
        """The members of a group with a symbol table: names and addresses."""
        _, _, size, _, start = struct.unpack("<4sIQQQ", self._signed(heap, b"HEAP", 32))
        if size > _MOST_METADATA:
            raise Damaged("a list of names is too long")
        names = self.read(start, size)
        for node in self._leaves(tree, kind=0, key=8):
            for _, table in node:
                (count,) = struct.unpack_from("<H", self._signed(table, b"SNOD", 8), 6)
                entries = self.read(table + 8, 40 * count)
                for index in range(count):
                    place, address, link = struct.unpack_from("<QQI", entries, 40 * index)
                    name = names[place : names.index(b"\0", place)].decode("utf-8", "replace")
                    yield _inside(name, hard=link != 2), address

    def _leaves(self, root: int, kind: int, key: int) -> Iterator[list[tuple[bytes, int]]]:
        """The entries of the lowest nodes of a tree: keys and addresses."""
        waiting, seen, levels = [root], set(), {}
        while waiting:
            address = waiting.pop()
            if address in seen:
                raise Damaged("a tree of it has a circle")
            seen.add(address)
            _, found, level, count = struct.unpack("<4sBBH", self._signed(address, b"TREE", 24)[:8])
            if found != kind or level >= levels.get(address, 256):
                raise Damaged("a tree of it is broken")
            data = self.read(address + 24, count * (key + 8) + key)
            each = [
                (data[at : at + key], *struct.unpack_from("<Q", data, at + key))
                for at in range(0, count * (key + 8), key + 8)
            ]
            if level:
                levels |= {child: level for _, child in each}
                waiting += [child for _, child in reversed(each)]
            else:
                yield each

    # ------------------------------------------------------------------------ values

    def chunks(self, tree: int, rank: int) -> Iterator[tuple[tuple[int, ...], int, int, int]]:
        """The chunks of an array: where each begins, its address, its bytes in the file, and the filters it was spared."""
        if tree == _NOWHERE:
            return
        for node in self._leaves(tree, kind=1, key=16 + 8 * rank):
            for key, address in node:
                size, mask, *start = struct.unpack(f"<II{rank}Q", key[: 8 + 8 * rank])
                self.check(address, size)
                yield tuple(start), address, size, mask

    def in_heap(self, length: int, heap: int, index: int) -> bytes:
        """A text in a global heap."""
        if not length:
            return b""
        if heap not in self._heaps:
            (size,) = struct.unpack_from("<Q", self._signed(heap, b"GCOL", 16), 8)
            if size > _MOST_METADATA:
                raise Damaged("a heap of texts is too long")
            data, at = self.read(heap, size), 16
            self._heaps[heap] = items = {}
            while at + 16 <= size:
                number, _, _, stored = struct.unpack_from("<HHIQ", data, at)
                if number == 0:
                    break
                items[number] = data[at + 16 : at + 16 + stored]
                at += 16 + stored + -stored % 8
        return self._heaps[heap][index][:length]


def _inside(name: str, hard: bool) -> str:
    if not hard:
        raise UnsafeFileError(
            f"This weights file is not safe to read: the link {name[:200]!r} leads elsewhere; weights files have none."
        )
    if not name or "/" in name:
        raise Damaged(f"a group has a member named {name[:200]!r}")
    return name


def _link(message: bytes) -> tuple[str, int]:
    """A link message: name and address."""
    flags, at = message[1], 2
    kind = message[at] if flags & 8 else 0
    at += bool(flags & 8) + 8 * bool(flags & 4) + bool(flags & 16)
    width = 1 << (flags & 3)
    length = int.from_bytes(message[at : at + width], "little")
    at += width
    name = message[at : at + length].decode("utf-8", "replace")
    return _inside(name, hard=kind == 0), *struct.unpack_from("<Q", message, at + length)


def _shape_of(space: bytes) -> tuple[int, ...] | None:
    version, rank, _, kind = space[:4]
    if version not in (1, 2) or rank > 32:
        raise Damaged("a shape of it is broken")
    if version == 2 and kind == 2:
        return None
    return struct.unpack_from(f"<{rank}Q", space, 8 if version == 1 else 4)


_FLOATS = {  # by size: where the sign, the exponent and the mantissa are, and the exponent's bias
    2: (15, 0, 16, 10, 5, 0, 10, 15),
    4: (31, 0, 32, 23, 8, 0, 23, 127),
    8: (63, 0, 64, 52, 11, 0, 52, 1023),
}


def _type_of(message: bytes) -> Type:
    """The type that a datatype message describes."""
    kind, (bits, sign, _), (size,) = message[0] & 15, message[1:4], struct.unpack_from("<I", message, 4)
    order = ">" if bits & 1 else "<"
    if kind >= len(_CLASSES) or not size:
        raise Damaged(f"a type of it is broken: class {kind}, {size} bytes")
    if kind == 0:
        plain = size in (1, 2, 4, 8) and struct.unpack_from("<HH", message, 8) == (0, 8 * size)
        return Type(kind, np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}") if plain else None, size)
    if kind == 1:
        plain = size in _FLOATS and (sign, *struct.unpack_from("<HHBBBBI", message, 8)) == _FLOATS[size]
        return Type(kind, np.dtype(f"{order}f{size}") if plain and not bits & 64 else None, size)
    if kind == 5:
        return Type(kind, np.dtype(f"V{size}"), size)
    if kind == 6:
        return Type(kind, _complex(message, size), size)
    if kind == 8:
        base = _type_of(message[8:])
        truth = base.dtype == np.int8 and message[1] == 2 and b"FALSE\0" in message and b"TRUE\0" in message
        return Type(kind, np.dtype(bool) if truth else base.dtype, size)
    return Type(kind, None, size, text=kind == 9 and bits & 15 == 1 and size == 16)


def _complex(message: bytes, size: int) -> np.dtype | None:
    """The dtype of a compound that is a complex number, as h5py writes them: `r` and `i`."""
    half = next((name for name in (np.dtype("<f4"), np.dtype("<f8")) if 2 * name.itemsize == size), None)
    parts = message[8:].split(b"r\0" + bytes(6)) if half is not None else []
    if half is None or message[1:3] != b"\2\0" or len(parts) != 2 or parts[0] or b"i\0" + bytes(6) not in parts[1]:
        return None
    first, _, second = parts[1].partition(b"i\0" + bytes(6))
    places = struct.unpack_from("<I", first)[0], struct.unpack_from("<I", second)[0]
    members = [_type_of(part[-(8 + 12) :]) for part in (first, second)]
    fits = places == (0, half.itemsize) and all(member.dtype == half for member in members)
    return np.dtype(f"<c{size}") if fits else None


def _attribute(message: bytes) -> tuple[str, Type, tuple[int, ...] | None, bytes]:
    """An attribute: name, type, shape, and its bytes."""
    version, flags = message[0], message[1]
    if version not in (1, 2, 3) or (version > 1 and flags & 3):
        raise NewerForm("attributes")
    sizes, at, pieces = struct.unpack_from("<HHH", message, 2), 9 if version == 3 else 8, []
    for size in sizes:
        pieces.append(message[at : at + size])
        at += size + (-size % 8 if version == 1 else 0)
    name, kind, space = pieces
    return name.rstrip(b"\0").decode("utf-8", "replace"), _type_of(kind), _shape_of(space), message[at:]


def _filters_of(message: bytes) -> list[int]:
    """The filters of a pipeline, in the order in which they were applied."""
    version, count = message[0], message[1]
    if version != 1:
        raise NewerForm("filters")
    found, at = [], 8
    for _ in range(count):
        number, name, _, values = struct.unpack_from("<HHHH", message, at)
        found.append(number)
        at += 8 + name + -name % 8 + 4 * (values + values % 2)
    return found


def _unfiltered(data: bytes, filters: list[int], mask: int, item: int, size: int) -> bytes:
    """The bytes of a chunk, its filters undone: `size` of them."""
    for index in reversed(range(len(filters))):
        if mask >> index & 1:
            continue
        if filters[index] == _FLETCHER:
            data, kept = data[:-4], struct.unpack("<I", data[-4:])[0]
            if kept not in _fletcher(data):
                raise Damaged("a chunk of it has another checksum than it should have")
        elif filters[index] == _DEFLATE:
            data = zlib.decompressobj().decompress(data, size + 8)
        elif filters[index] == _SHUFFLE and item > 1:
            whole = len(data) // item * item
            data = np.frombuffer(data, np.uint8, whole).reshape(item, -1).T.tobytes() + data[whole:]
    if len(data) != size:
        raise Damaged(f"a chunk of it has {len(data):,} bytes, not {size:,}")
    return data


def _fletcher(data: bytes) -> tuple[int, int]:
    """Fletcher's checksum of some bytes; some versions of the library swapped its bytes."""
    padded = data + b"\0" * (len(data) % 2)
    words = np.frombuffer(padded, ">u2").astype(np.uint64)
    first = second = 0
    for start in range(0, len(words), 100_000):
        part = words[start : start + 100_000]
        weights = np.arange(len(part), 0, -1, dtype=np.uint64)
        second = (second + first * len(part) + int((part * weights).sum())) % 65535
        first = (first + int(part.sum())) % 65535
    first, second = (first or 65535 if data.strip(b"\0") else 0), (second or 65535 if data.strip(b"\0") else 0)
    swapped = ((first & 255) << 8 | first >> 8, (second & 255) << 8 | second >> 8)
    return second << 16 | first, swapped[1] << 16 | swapped[0]
