"""Between the wire and the core, one noun a file; nothing else knows both."""
