"""What is sent, as one JSON-like document, whatever its form."""
