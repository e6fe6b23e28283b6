"""The bill of materials of what is installed with the program (CycloneDX 1.6), made from the pins and nothing else."""
