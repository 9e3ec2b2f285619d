"""The Spectrum forwarder: what the three functions share, deployed as their one layer."""
