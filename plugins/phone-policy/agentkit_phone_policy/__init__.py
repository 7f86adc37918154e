"""A small policy that operates a phone: a language model of a few hundred words."""
