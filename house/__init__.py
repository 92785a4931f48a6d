"""How the project sets itself up: the environment, the indexes, the installers.

Standard library only: it runs before anything is installed. `bootstrap.py` is its command line.
"""
