"""README's commands, one by one, as on a clean machine; `make readme` runs them."""
