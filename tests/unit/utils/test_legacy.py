"""The object form of Keras 2, as packages write it."""

import keras
import pytest

import plait
from plait.utils import legacy


class Range:
    """An object with a config, as a package of hyperparameters has."""

    def __init__(self, low=0, high=1):
        self.low, self.high = low, high

    def get_config(self):
        return {"low": self.low, "high": self.high}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def test_an_object_goes_out_and_comes_back_as_in_keras():
    written = legacy.serialize_keras_object(Range(2, 5))
    assert written == keras.utils.legacy.serialize_keras_object(Range(2, 5))
    for library in (keras, plait):
        again = library.utils.legacy.deserialize_keras_object(written, module_objects={"Range": Range})
        assert (again.low, again.high) == (2, 5)
    assert isinstance(legacy.deserialize_keras_object("Range", {"Range": Range}), Range)  # an error in Keras 3.15
    assert legacy.serialize_keras_object(None) is None is legacy.deserialize_keras_object(None)
    assert legacy.deserialize_keras_object(len) is len


def test_custom_objects_come_first():
    class Other(Range):
        pass

    written = {"class_name": "Range", "config": {"low": 1, "high": 2}}
    assert type(legacy.deserialize_keras_object(written, {"Range": Range}, {"Range": Other})) is Other


@pytest.mark.parametrize("wrong", ["Rang", {"class_name": "Rang", "config": {}}, {"class_name": "Range"}, 3], ids=str)
def test_what_stands_for_nothing_is_refused(wrong):
    with pytest.raises(plait.errors.ArgumentError, match=r"'Range'|Improper|interpret"):
        legacy.deserialize_keras_object(wrong, {"Range": Range})
    with pytest.raises(plait.errors.ArgumentError):
        legacy.serialize_keras_object(3)
