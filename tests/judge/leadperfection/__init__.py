"""The independent comparison of the pair lead-perfection-nutshell: what its platforms' contracts say, and none of the product's code."""
