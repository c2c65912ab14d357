"""Who gets what else is handed to `SoftmaxRegressionCV.fit`: its splitter and its scorer."""

from sklearn import get_config
from sklearn.metrics import get_scorer
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from .fold_scores import LogLoss, Scorer


def router(model):
    """How metadata reach the splitter and the scorer of a model."""
    found = MetadataRouter(owner=type(model).__name__).add_self_request(model)
    found.add(splitter=model.cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
    if model.scoring is not None:
        to_score = MethodMapping().add(caller="fit", callee="score")
        found.add(scorer=get_scorer(model.scoring), method_mapping=to_score)
    return found


def route(model, rows, offset, params):
    """Parameters of the splitter's `split`, and what scores a fit.

    Parameters
    ----------
    model : SoftmaxRegressionCV
        With parameters `cv` and `scoring`.
    rows : Rows
        All of them.
    offset : array-like or None
        As it was handed in.
    params : dict
        What `fit` got besides.

    Raises
    ------
    ValueError, TypeError
        If nobody asks for a parameter, or scorers would have to compare with a table.
    """
    if model.scoring is not None and rows.are_tables:
        raise ValueError(
            "scoring must be None where y has a column for each class, as scorers compare with "
            f"labels; got {model.scoring!r}."
        )
    if get_config()["enable_metadata_routing"]:
        routed = process_routing(model, "fit", sample_weight=rows.weights, offset=offset, **params)
        split, to_scorer = routed.splitter.split, routed.get("scorer", {}).get("score", {})
    else:
        unknown = [name for name in params if name != "groups"]
        if unknown:
            raise TypeError(f"fit got an unexpected argument {unknown[0]!r}.")
        split = params
        to_scorer = {} if rows.weights is None else {"sample_weight": rows.weights}
    if model.scoring is None:
        return split, LogLoss()
    return split, Scorer(get_scorer(model.scoring), to_scorer, len(rows))
