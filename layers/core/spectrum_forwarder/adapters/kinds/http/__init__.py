"""The kind `http`: attempts over libcurl."""
