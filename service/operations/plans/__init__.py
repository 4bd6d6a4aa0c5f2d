"""Heavy operations as plans: chunks of bounded work and a reducer, for whatever engine runs them."""
