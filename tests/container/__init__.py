"""The image as its file says, built without a registry and run with the rights it asks for; `make container` needs the tools for it."""
