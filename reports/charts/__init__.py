"""One chart a module: `draw(frame, title=…, columns=…)` takes a tidy frame and returns a Figure.

Usable from a notebook:

    from reports import dataset, estimates, judge
    from reports.charts import throughput
    data = dataset.load([Path("results/…")])
    throughput.draw(estimates.estimates_frame(judge.judge(data).curves))

`columns` is the number of panels side by side: 2 for a page, 1 for a narrow screen. Every figure has the
same look (`style`) and is turned into SVG that follows the page's theme by `svg`.
"""
