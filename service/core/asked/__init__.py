"""What asks `service.core.dispatch` or reads the catalogue: summaries, predictions, checks of answers, many answers."""
