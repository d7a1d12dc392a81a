"""Validators."""
def validators():
    return ()
