"""How attempts leave: the HTTP sender over libcurl, and one exchange of it."""
