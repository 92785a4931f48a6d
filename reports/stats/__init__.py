"""The statistics: numbers in, values with intervals out. No files, no frames, no sentences.

Each module states its method, its source and its assumptions. An interval that cannot be computed is
`None`, never a guess; a result without an interval supports no claim.
"""
