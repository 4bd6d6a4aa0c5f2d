"""Lower bounds and checks that several certificates share."""
