"""Mathematics of linear networks with several outputs that solvers and certificates both rest on."""
