"""Pictures of training and of what came of it, drawn with matplotlib, one rule for all of them.

``path`` is a file to write, which ends in ``.svg``, ``.png`` or ``.pdf``, in an existing directory;
no figure stays open. ``ax`` is a panel of the caller's to draw into, whose style stays, dark ones
too. With neither there is a figure of pyplot, which notebooks show once. Nothing calls ``show()``.
What is returned is the Axes.

Arguments are checked before anything is drawn: a TypeError or ValueError says what was given and
what is expected. Without matplotlib an ImportError says how to install it; a directory that does
not exist is a FileNotFoundError, a path that is one an IsADirectoryError. What is drawn is real and
at most 1e300 in size.
"""
