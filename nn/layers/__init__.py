"""The parts of models, from initial weights and neurons to attention."""
