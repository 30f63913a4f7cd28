

@pytest.mark.parametrize("eager", [True, False])
def test_a_mask_that_is_given_goes_on(eager):
    """A mask passed by hand counts as the input's own: the next layer and the loss get it."""
    x, mask = np.ones((2, 3, 4), "float32"), np.array([[True, False, True], [True, True, False]])
    first, second = plait.layers.SimpleRNN(2, return_sequences=True), plait.layers.SimpleRNN(2)
    if eager:
        h = first(x, mask=mask)
        without, given = second(jnp.array(h)), second(jnp.array(h), mask=mask)
        found = second(h)
    else:
        inputs, masks = plait.Input((3, 4)), plait.Input((3,), dtype="bool")
        h = first(inputs, mask=masks)
        model = plait.Model([inputs, masks], [h, second(h)])
        h, found = model([x, mask])
        without, given = second(jnp.array(h)), second(jnp.array(h), mask=mask)
    np.testing.assert_allclose(found, given, rtol=1e-6)
    assert not np.allclose(found, without)
