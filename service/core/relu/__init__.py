"""Two-layer ReLU networks with weight decay: global minima with a proof."""
