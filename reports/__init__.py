"""From result files to advice: dataset → stats → verdict and advice (values) → charts → page.

Nothing here knows how the files came to be: `loadtests.results` is the only module of ours that this
room reads (`reports.commands` also takes the `Command` type and `UserError` from `queen`).
"""
