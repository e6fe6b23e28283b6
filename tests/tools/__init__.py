"""What ships for operators, read by the tools that operators read it with; `make tools` needs them, and CI installs them."""
