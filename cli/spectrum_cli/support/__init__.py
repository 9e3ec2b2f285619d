"""What is counted and handed on: audits and the bundle, with nothing of anybody's."""
