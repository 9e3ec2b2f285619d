"""The ports in memory: fast stores that pass the same contract suite as the real ones."""
