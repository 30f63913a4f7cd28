"""What Keras answered comes back as it was, and an answer that isn't kept, or is to another question, is an error."""

import ml_dtypes
import numpy as np
import pytest

import oracle
from cases import Input

ANSWER = {
    "whole": 3,
    "words": ["a", None, True, 0.1],
    "shape": (None, 4),
    "float32": np.float32([[1.5, np.nan], [-0.0, np.inf]]),
    "bfloat16": np.array([1.5, -2.0], ml_dtypes.bfloat16),
    "integer": np.array(7, "int8"),
    "nothing": np.zeros((0, 3), "complex64"),
    2: np.array([True, False]),
}


@pytest.fixture
def keeps(monkeypatch, tmp_path):
    """Keeps an answer in a folder of its own, and hands out the function that asks for it in the usual run."""
    monkeypatch.setattr(oracle, "FOLDER", tmp_path / "keras-0")
    monkeypatch.setattr(oracle, "new", {})

    def asked(asks, answer, *question, **named):
        monkeypatch.setenv("PYTEST_CURRENT_TEST", "tests/parity/test_it.py::test_it[a b::c] (call)")
        monkeypatch.setattr(oracle, "ASKS", asks)
        oracle.kept.cache_clear()
        oracle.begin("tests/parity/test_it.py::test_it[a b::c]")
        return oracle.answer(lambda: answer, *question, **named)

    asked(True, ANSWER, "sin", np.ones(3))
    oracle.write()
    yield lambda *question, **named: asked(False, "not asked", *question, **named)
    oracle.kept.cache_clear()


def test_an_answer_comes_back_as_it_was(keeps):
    answer = keeps("sin", np.ones(3))
    assert {key: type(value) for key, value in answer.items()} == {key: type(value) for key, value in ANSWER.items()}
    for key, value in ANSWER.items():
        if isinstance(value, np.ndarray):
            assert (answer[key].dtype, answer[key].shape) == (value.dtype, value.shape)
            np.testing.assert_array_equal(answer[key].astype("complex64"), value.astype("complex64"))
        else:
            assert answer[key] == value


@pytest.mark.parametrize(
    "question",
    [("cos", np.ones(3)), ("sin", np.ones(3, "float32")), ("sin", np.ones((3, 1))), ("sin", [1.0] * 3), ("sin",)],
    ids=str,
)
def test_another_question_is_an_error(keeps, question):
    with pytest.raises(LookupError, match=r"test_it\.zip is to another question\. Run `make oracle`"):
        keeps(*question)


def test_a_missing_answer_is_an_error(keeps, monkeypatch, tmp_path):
    with pytest.raises(LookupError, match=r"has no answer of Keras .* Run `make oracle`"):
        keeps("sin", np.ones(3), name="shared")
    monkeypatch.setattr(oracle, "FOLDER", tmp_path / "keras-1")
    with pytest.raises(LookupError, match="Run `make oracle`"):
        keeps("sin", np.ones(3))


def test_a_second_answer_of_a_test_is_another(keeps):
    keeps("sin", np.ones(3))
    with pytest.raises(LookupError, match="2' has no answer"):
        oracle.answer(lambda: 0, "sin", np.ones(3))


def test_the_same_answers_make_the_same_bytes_and_others_stay(keeps):
    path = oracle.FOLDER / "parity" / "test_it.zip"
    before = path.read_bytes()
    oracle.write()
    assert path.read_bytes() == before
    oracle.new["tests/parity/test_it.py"] = {"test_other 1": ("0", np.arange(3))}
    oracle.kept.cache_clear()
    oracle.write()
    assert keeps("sin", np.ones(3))["whole"] == 3


def test_what_is_no_number_is_refused(keeps):
    with pytest.raises(TypeError, match="object"):
        oracle.packed([object()])


def test_a_recipe_is_what_was_asked_for():
    make = lambda L: L.Wrap(L.Dense(3, activation="relu"), cells=[L.Cell(2)], axis=(1, 2))["out"]  # noqa: E731
    assert oracle.recipe(make) == "Wrap(Dense(3, activation='relu'), cells=[Cell(2)], axis=(1, 2))['out']"


def test_a_row_of_the_table_is_known_by_what_stands_in_it():
    rows = [Input((2, 3)), Input((2, 3)), Input((2, 3), "int32"), Input((2, 3), high=2.0)]
    marks = [oracle.fingerprint([row]) for row in rows]
    assert marks[0] == marks[1]
    assert len(set(marks)) == 3
