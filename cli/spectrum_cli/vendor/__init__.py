"""Spectrum: its management API, and the webhooks that are registered there."""
