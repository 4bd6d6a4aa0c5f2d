"""Routes, one noun a file: parse, one call, return."""
