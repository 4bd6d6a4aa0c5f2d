"""What is known about a landscape: facts of the data, verdicts, the origin, barcodes, witnesses."""
