"""
How many small faults in the rulings of the program its tests find (`make mutants`).

`rulings` lists the modules and the tests that are to hold them, `operators` makes the faults, `mutant` is a function with one of them,
`equal` names those that change nothing, `reach` knows which test comes by which line, `trial` puts one fault after another in force,
each in a `process` of its own.
"""
