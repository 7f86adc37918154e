"""The person whose phone it is: what they did, what that says about them, how it is used."""
