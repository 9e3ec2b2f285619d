"""Stored events: which are meant, how they are shown, begun anew, erased."""
