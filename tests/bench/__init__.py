"""The figures: how many calls, how close to the allowed pace, how much memory and CPU, how long a cutover takes."""
