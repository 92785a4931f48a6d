"""The version of the result files; a reader refuses another."""

FORMAT = 1
