"""How a model counts characters in fixed-width text (Gurnee et al. 2025, "When Models Manipulate
Manifolds"), as tools for any model with weights in this process.

`wrap`, `tokens` and `task` make the data; `sites` reads and changes hidden states, `stream` sums
them into `moments`, from which `ridge` and `geometry` answer; `ringing` is theory without a model;
`heads`, `behaviour`, `causal`, `illusion` and `dictionary` are the study's other questions.
`planted` and `small` are models with known answers. `study` runs the stages, `page` shows them.
"""
