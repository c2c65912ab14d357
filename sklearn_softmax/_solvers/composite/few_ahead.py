"""Minima beside many penalties that follow each other, from few Hessians."""

_MOST, _GROWTH, _SHRINKAGE, _ORDER = 8, 2.0, 0.7, 6.0  # of the reach; the order of gaps
_SAFE, _TINY = 0.5, 1e-300  # of the tolerance, where so many steps are tried at once


class FewAhead:
    """Steps to all penalties within reach of a state, on both sides of it.

    They end where the gap grows as the sixth power of their lengths. So a step of twice the
    length that is certified leads to a state that is good enough to step from.

    Parameters
    ----------
    hessians : FewHessians
        Models of a loss.
    """

    def __init__(self, hessians):
        self._hessians = hessians
        self._ready, self._base, self._reach = [], None, 1

    def forget(self):
        """Another fit came between."""
        self._ready, self._base = [], None

    def find(self, penalty, state, following, tol):
        """The certified end of a step for a penalty, None if there is none.

        Parameters
        ----------
        penalty : Composite
        state : State
            The optimum at the last penalty.
        following : callable
            See `FewSteps.minimise`.
        tol : float
            Bound on the gap relative to the value.
        """
        if not self._is_ready(penalty):
            self._ready = self._search(penalty, state, following, tol)
        if not self._is_ready(penalty):
            self.forget()
            return None
        found, self._ready = self._ready[0], self._ready[1:]
        return found

    def _is_ready(self, penalty):
        return bool(self._ready) and self._ready[0].penalty is penalty

    def _search(self, penalty, state, following, tol):
        """Step to penalties from the next one on; returns the certified ends before any other."""
        reach = self._reach
        penalties = [penalty, *following(3 * reach - 1)]
        behind = self._behind(penalties[:reach])
        state = self._base.state if behind else state
        number, base = behind + reach, behind + 2 * reach - 1
        penalties = penalties[:number] + penalties[base : base + 1]
        model = self._hessians.at(state, penalties[-1], renew=True)
        faces = [] if model is None else model.faces(penalty.stack(penalties))
        n_found = sum(map(len, faces))
        ends = model.ends(penalties[:n_found], faces) if n_found else []
        self._base = ends.pop() if n_found > number else None
        return self._sure(ends, reach, tol)

    def _behind(self, penalties):
        """How many penalties lie behind the base, itself among them; 0 where it is not near."""
        if self._base is None:
            return 0
        same = [each is self._base.penalty for each in penalties]
        return same.index(True) + 1 if any(same) else 0

    def _sure(self, ends, reach, tol):
        """Ends before the first that is not certified; the reach is learnt from their gaps."""
        gaps = [float(end.gap / end.value) for end in ends]
        n_sure = next((number for number, gap in enumerate(gaps) if not gap <= tol), len(gaps))
        if n_sure == len(gaps):
            growth = (_SAFE * tol / max([_TINY, *gaps])) ** (1.0 / _ORDER)
            self._reach = min(max(1, round(reach * min(growth, _GROWTH))), _MOST)
        else:
            self._reach = max(1, int(_SHRINKAGE * reach))
        return ends[:n_sure]
