"""The kinds of destinations, and how attempts leave for them."""
