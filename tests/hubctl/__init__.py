"""hubctl, as a person runs it: a process of its own, against a hub that runs."""
