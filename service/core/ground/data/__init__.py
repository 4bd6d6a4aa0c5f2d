"""From samples, as they arrive or all at once, or from moments to data that are conditioned once."""
