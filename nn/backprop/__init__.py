"""One backward pass, layer by layer, in numbers and in the equations BP1 to BP4."""
