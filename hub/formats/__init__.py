"""How dates look in each language: short, in figures or with a short month, the clock to 24 hours.

Django finds a language's module here first (FORMAT_MODULE_PATH), and takes what is not in it from its own.
"""
