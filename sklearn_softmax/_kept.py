"""Attributes that are made when they are first asked for."""


class kept:
    """A property whose value takes its place once it is known.

    Before Python 3.12 `functools.cached_property` holds a lock for all instances meanwhile: fits
    in threads would wait for each other, and a child that is forked then would wait for ever.
    """

    def __init__(self, make):
        self._make, self.__doc__ = make, make.__doc__

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        value = vars(instance)[self._name] = self._make(instance)
        return value
