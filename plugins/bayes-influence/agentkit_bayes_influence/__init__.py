"""Which training examples taught a model what it says (Kreer et al., arXiv 2509.26544).

The influence of an example on a query is the negative covariance of their losses over a posterior
that is localised at the trained weights. The method is free of I/O: posterior, sampling,
attribution, diagnostics, exact. traces keeps what was sampled; analyzer and command are the parts.
"""
