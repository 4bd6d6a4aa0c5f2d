"""The mathematics: numpy and scipy only, deterministic, silent, free of clocks and environment."""
