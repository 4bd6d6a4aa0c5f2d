"""What travels: the pydantic models of requests and answers, strict in both directions."""
