"""A trainer that fits a line by gradient descent."""
