"""Frozen layers, skips and weighted errors as plain networks with the same minimum, wherever that is exact."""
