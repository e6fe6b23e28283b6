"""Values of the destination spoilt on purpose, and whether reading back tells of each of them and of nothing else."""
