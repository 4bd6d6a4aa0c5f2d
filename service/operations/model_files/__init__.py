"""Files of models, read as what they hold: matrices in their order, biases, activations; nothing in them is run."""
