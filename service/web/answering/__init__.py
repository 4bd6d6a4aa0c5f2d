"""How a question is answered: read, priced, computed here or in another process, or made a job."""
