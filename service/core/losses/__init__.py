"""What given weights cost: exact expected losses, their gradients, and upper bounds that count every rounding."""
