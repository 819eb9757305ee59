"""One traveller's way through one lane."""
