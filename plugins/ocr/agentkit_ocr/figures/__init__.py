"""How near what is read of a figure is to what it shows: charts, molecules, plane geometry.

Tables are judged by `metrics.teds`; here are the other three kinds of DeepSeek-OCR's deep parsing
(arXiv 2510.18234, section 3.4.2). Answers of models are data: matched, never evaluated.
"""
