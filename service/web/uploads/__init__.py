"""Files of samples, from the request to the process that reduces them, and what was kept of them."""
