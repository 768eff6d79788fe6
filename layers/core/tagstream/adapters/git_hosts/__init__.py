"""Pull requests on Git hosts: one module a host, behind ``ports/pull_requests.py``."""
