"""Variables are views into cells."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plait
from plait.core.cell import adopt, cell_of
from plait.core.pure import pure
from plait.core.variable import Variable


@pytest.mark.parametrize(
    "other", [[5, 4], (5.0, 4.0), np.array([5, 4]), 5, 5.0, jnp.array([5.0, 4.0]), Variable([5.0, 4.0])]
)
@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", ">=", "==", "!="])
def test_arithmetic_with_everything_on_either_side(symbol, other):
    v = Variable([1.0, 2.0])
    names = {"v": v, "other": other, "value": v.numpy(), "plain": np.asarray(other)}
    np.testing.assert_allclose(eval(f"v {symbol} other", names), eval(f"value {symbol} plain", names), rtol=1e-6)
    np.testing.assert_allclose(eval(f"other {symbol} v", names), eval(f"plain {symbol} value", names), rtol=1e-6)


def test_matmul_unary_and_numbers():
    v = Variable([[1.0, -2.0]])
    assert (v @ [[1.0], [1.0]]).tolist() == [[-1.0]]
    assert (-v).tolist() == [[-1.0, 2.0]]
    assert abs(v).tolist() == [[1.0, 2.0]]
    assert float(Variable(2.5)) == 2.5
    assert int(Variable(3)) == 3
    assert list(Variable([1, 2])) == [1, 2]


def test_dtypes():
    assert Variable(1).dtype == "int32"
    assert Variable(1.0).dtype == "float32"
    assert Variable(np.zeros(2)).dtype == "float32"
    assert Variable([-1, 2], dtype=plait.float32).dtype == "float32"
    assert Variable("zeros", shape=(2, 3), dtype="bfloat16").dtype == "bfloat16"


def test_assign_takes_the_same_shape_only():
    v = Variable([1.0, 2.0], name="v")
    v.assign([3, 4])
    v.assign_add([1, 1])
    v.assign_sub([0.5, 0.5])
    assert v.numpy().tolist() == [3.5, 4.5]
    with pytest.raises(
        ValueError, match=r"Variable 'v': `assign` takes a value of the shape \(2,\), but got float32\[\]"
    ):
        v.assign(5.0)


def test_numpy_is_a_copy():
    v = Variable([1.0])
    v.numpy()[0] = 7
    assert float(v[0]) == 1


def test_a_variable_owns_its_buffer():
    value = jnp.ones(2)
    assert Variable(value).value is not value


def test_adopting_keeps_values_and_gives_one_cell():
    variables = [Variable(float(i)) for i in range(3)]
    cell = adopt(variables)
    assert cell_of(variables) is cell
    cell.tree = [value * 2 for value in cell.tree]
    assert [float(v) for v in variables] == [0, 2, 4]
    other = adopt(variables[:2])
    assert cell.left
    assert cell_of(variables[:2]) is other


def test_pure_leaves_the_stored_value_alone():
    v = Variable(1.0)
    out, after = jax.jit(pure(lambda x: v.assign(v * x), [v]))([3.0], 2.0)
    assert float(out) == float(after[0]) == 6
    assert float(v) == 1


def test_assigning_inside_a_foreign_trace_is_refused():
    v = Variable(1.0)
    with pytest.raises(RuntimeError, match="would not outlive the trace"):
        jax.jit(lambda x: v.assign(x))(2.0)
    assert float(v) == 1


def test_copies_are_independent():
    v = Variable([1.0], name="v", trainable=False)
    for other in (copy.deepcopy(v), pickle.loads(pickle.dumps(v))):
        other.assign([2.0])
        assert float(v[0]) == 1
        assert (other.name, other.trainable) == ("v", False)


def test_names():
    assert [Variable(0).name for _ in range(2)] == ["variable", "variable_1"]
    with pytest.raises(ValueError, match="cannot contain character `/`"):
        Variable(0, name="a/b")
    with plait.name_scope("outer"):
        assert Variable(0, name="inner").path == "outer/inner"


def test_variables_are_keys_by_identity():
    a, b = Variable(1.0), Variable(1.0)
    assert {a: 1, b: 2} == {a: 1, b: 2}
    assert len({a, b}) == 2
