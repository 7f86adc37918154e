"""A made world of tasks whose right instruction is known, and a follower that errs in nothing."""
