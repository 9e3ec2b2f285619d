"""The only home of boto3 and the HTTP client: the domain's ports, made of real services."""
