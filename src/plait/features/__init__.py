"""Tables of features of many kinds, turned into one vector: `plait.utils.FeatureSpace`."""
