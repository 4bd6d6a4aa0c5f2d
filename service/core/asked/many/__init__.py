"""Many independent problems at once: one stack where they are alike, so that each step is one numpy call."""
