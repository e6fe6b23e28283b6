"""Lead Perfection as it is read, against its simulator."""
