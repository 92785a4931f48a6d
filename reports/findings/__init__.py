"""Trials → findings: one module for each kind of finding; values of `reports.verdict` come out."""
