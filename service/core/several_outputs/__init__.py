"""Linear networks with several outputs: the mathematics that solvers and certificates both rest on."""
