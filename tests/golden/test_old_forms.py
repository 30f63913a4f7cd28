"""Files in the forms of old versions open, and predict what NumPy computes; what plait makes of them opens in turn."""

import sys
from pathlib import Path

import numpy as np
import pytest

import plait

sys.path.insert(0, str(Path(__file__).parent))
from make import FORMS


@pytest.mark.parametrize("form", FORMS)
def test_an_old_form_opens_with_its_own_numbers(form, tmp_path):
    path, x, expected = FORMS[form](tmp_path)
    model = plait.load_model(path)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "new.keras")
    again = plait.load_model(tmp_path / "new.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
