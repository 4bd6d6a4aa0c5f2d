"""Models that are not a network on fixed inputs, each with its own parameters and closed form."""
