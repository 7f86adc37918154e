"""Sparse memory finetuning: facts in a few rows of a memory layer (arXiv 2510.15103).

`memory` is the layer, `keys` fits it to a model, `background` counts what ordinary text reads,
`choice` and `update` are the method, `learning` the loop around them. `patches` and `store` keep
what was learned; `model` is the part, `tool` lets an agent ask for it, `command` a person.
"""
