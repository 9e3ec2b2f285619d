"""Synthetic requests: bodies, ids and signatures, as Spectrum sends them."""
