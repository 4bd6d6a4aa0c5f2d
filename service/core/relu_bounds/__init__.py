"""ReLU networks whose minimum is only bounded: several outputs, more layers, no decay."""
