"""The oracle's numbers: asked of Keras once, kept in files, and asked anew by `make oracle`.

    theirs = oracle.answer(lambda: keras.ops.sin(x), "sin", x)

The usual run reads what Keras answered. With PLAIT_ASK_ORACLE set (`make oracle` does) Keras is asked, and the files are
written at the end; `make test-long` asks Keras too, and writes nothing.

An answer is found by the test that asks, and by how many it has asked before. With it goes a fingerprint of the question,
the arguments after the function: all that the answer depends on. An answer that is missing, is for another question, or
comes from another release than the installed one is an error, never passed over.

A file a test module, below `answers/keras-3.15.1`: a zip of `answers.json`, whose arrays are [dtype, shape, offset], and
`numbers.bin`, the bytes of all arrays. The same answers make the same bytes.
"""

import hashlib
import importlib.metadata
import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jax
import ml_dtypes  # noqa: F401  (NumPy knows bfloat16 by it)
import numpy as np

import compiling

TESTS = Path(__file__).parent
RELEASE = importlib.metadata.version("keras")
FOLDER = TESTS / "answers" / f"keras-{RELEASE}"
KEEPS = bool(os.environ.get("PLAIT_ASK_ORACLE"))
ASKS = KEEPS or compiling.LONG

asked: Counter[str] = Counter()  # how many answers each test has taken since it began
new: dict[str, dict[str, tuple[str, Any]]] = {}  # by module and key, what was asked in this process


def answer(ask: Callable[[], Any], *question: Any, name: str = "", by_machine: bool = False) -> Any:
    """What Keras answers: numbers, strings, arrays (as NumPy's), and lists, tuples and dicts of them.

    Args:
        ask: asks Keras.
        *question: all that the answer depends on.
        name: the answer's, where several tests of a module share it.
        by_machine: whether the numbers depend on the processor (signs of singular vectors), so that Keras is asked each time.

    Raises:
        LookupError: no answer to this question is kept.
    """
    module, _, test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0].partition("::")
    asked[test] += not name
    key, mark = name or f"{test} {asked[test]}", fingerprint(question)
    if by_machine:
        return unpacked(*packed(ask()))
    if ASKS:
        answers = new.setdefault(module, {})
        if key not in answers or not name:
            answers[key] = mark, ask()
        return unpacked(*packed(answers[key][1]))
    index, numbers = kept(module)
    if key not in index:
        raise LookupError(f"{module}: {key!r} has no answer of Keras {RELEASE} in {file_of(module)}. {REMEDY}")
    known, found = index[key]
    if known != mark:
        raise LookupError(f"{module}: the answer to {key!r} in {file_of(module)} is to another question. {REMEDY}")
    return unpacked(found, numbers)


REMEDY = "Run `make oracle`, which asks Keras anew, and commit what it writes."


def begin(node: str) -> None:
    """A test begins, maybe again: its answers are counted from the first."""
    asked.pop(node.partition("::")[2], None)


def file_of(module: str) -> Path:
    """Where a test module's answers are."""
    return FOLDER / Path(module).relative_to("tests").with_suffix(".zip")


@cache
def kept(module: str) -> tuple[dict[str, list], bytes]:
    """A module's answers, by key with their fingerprints, and the bytes of their arrays."""
    path = file_of(module)
    if not path.exists():
        return {}, b""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("answers.json")), archive.read("numbers.bin")


def write() -> None:
    """Writes all that was asked, beside what is kept of tests that didn't run."""
    for module, answers in new.items():
        index, numbers = kept(module)
        merged = {key: (mark, unpacked(found, numbers)) for key, (mark, found) in index.items()} | answers
        buffer = io.BytesIO()
        lines = {key: [mark, packed_into(buffer, found)] for key, (mark, found) in sorted(merged.items())}
        text = "{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(line)}" for key, line in lines.items()) + "\n}\n"
        path = file_of(module)
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, data in (("answers.json", text.encode()), ("numbers.bin", buffer.getvalue())):
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)


# ---------------------------------------------------------------------------- values as JSON and bytes


def packed(value: Any) -> tuple[Any, bytes]:
    """A value as what JSON holds, and the bytes of its arrays."""
    buffer = io.BytesIO()
    return packed_into(buffer, value), buffer.getvalue()


def packed_into(buffer: io.BytesIO, value: Any) -> Any:
    """A value as what JSON holds; arrays go into the buffer."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {"dict": [[packed_into(buffer, part) for part in pair] for pair in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"list" if isinstance(value, list) else "tuple": [packed_into(buffer, part) for part in value]}
    array = np.asarray(value)
    if array.dtype.hasobject:
        raise TypeError(f"Keras's answer should be of numbers, strings and arrays, but has a {type(value).__name__}.")
    offset = buffer.tell()
    buffer.write(np.ascontiguousarray(array).tobytes())
    return {"array": [array.dtype.name if array.dtype.kind != "U" else array.dtype.str, list(array.shape), offset]}


def unpacked(value: Any, numbers: bytes) -> Any:
    """The value that `packed` took."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "dict":
        return {unpacked(key, numbers): unpacked(part, numbers) for key, part in content}
    if kind == "array":
        dtype, shape, offset = np.dtype(content[0]), content[1], content[2]
        count = int(np.prod(shape))
        return np.frombuffer(numbers, dtype, count, offset).reshape(shape).copy() if count else np.zeros(shape, dtype)
    return (list if kind == "list" else tuple)(unpacked(part, numbers) for part in content)


# ---------------------------------------------------------------------------- fingerprints of questions


def fingerprint(question: Any) -> str:
    """Twelve digits that change with a question."""
    return hashlib.sha256(written(question).encode()).hexdigest()[:12]


def written(value: Any) -> str:
    """A question as text: arrays by dtype, shape and bytes, functions by name, all else as Python writes it."""
    if isinstance(value, Recorder):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key)}: {written(part)}" for key, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        inside = ", ".join(map(written, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        array = np.asarray(value)
        return f"{array.dtype.name}{array.shape}{hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()}"
    if callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    return repr(value)


class Recorder:
    """Stands for a module of a library, and says what it was asked for: `Dense(3, activation='relu')`."""

    def __init__(self, text: str = ""):
        self.text = text

    def __getattr__(self, name: str) -> "Recorder":
        if name.startswith("__"):
            raise AttributeError(name)
        return Recorder(f"{self.text}.{name}" if self.text else name)

    def __getitem__(self, key: Any) -> "Recorder":
        return Recorder(f"{self.text}[{written(key)}]")

    def __call__(self, *args: Any, **kwargs: Any) -> "Recorder":
        parts = [*map(written, args), *(f"{key}={written(part)}" for key, part in kwargs.items())]
        return Recorder(f"{self.text}({', '.join(parts)})")


def recipe(make: Callable[[Any], Any]) -> str:
    """What a row's `make` asks of a module of layers, as text."""
    return make(Recorder()).text
