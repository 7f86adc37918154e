"""Power sampling: draws from p^alpha of a model that is left as it is (arXiv 2510.14901).

`mh`, `smc` and `rollout` are the methods, `baselines` what they are compared with; each reads like
its paper and knows nothing but samples. `batch` lets all of them, of all requests, advance in one
decode batch. `model` is the part, `table` a model whose every sequence can be counted.
"""
