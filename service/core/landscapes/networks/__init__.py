"""Networks that conditions of theorems are about: collapsed, silent, trained, with a unit less, of an exact fit."""
