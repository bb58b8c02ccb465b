"""From examples to a trained model: the loop of `fit` and all that it works with."""
