"""An end that the user can mend."""


class Stop(Exception):
    """Shown as one line."""
