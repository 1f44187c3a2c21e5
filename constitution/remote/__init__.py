"""What lies at a URL: inputs that are read there, and runs that are kept there; by fsspec, whatever the protocol."""
