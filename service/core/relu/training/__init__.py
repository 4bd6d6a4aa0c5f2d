"""Training by column generation: units go in, are settled, and what is spare goes out."""
