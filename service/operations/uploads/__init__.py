"""Files of tables, read block by block: one format a file, listed in `table.py`."""
