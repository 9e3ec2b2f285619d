"""How attempts leave: over HTTP by libcurl, to the targets of other kinds through AWS's APIs."""
