"""How fast dx-dispatch is, beside the programs that people would use instead.

``python -m benchmarks`` measures, prints the table and keeps the numbers; ``table`` shows the last
ones as Markdown, ``profile`` where the time of one warm call goes.
"""
