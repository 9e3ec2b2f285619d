"""The demo: the whole stack on this machine, two consumers, and every promise put to the test."""
