"""Deep research: a question is split into facets, each is searched for, and the report is made of
verbatim quotes that are checked against their sources.

Code decides, a model suggests: every step has a deterministic form that needs no model.
"""
