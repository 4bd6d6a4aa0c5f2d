"""Three to six sentences on an answer, with its numbers; they say nothing that the answer does not."""
