"""A stand-in for Spectrum: what its management API does, and its deliveries, on loopback."""
