"""Destinations: their entries, how they stand, who waits for them."""
