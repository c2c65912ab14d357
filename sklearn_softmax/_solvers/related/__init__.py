"""Problems near others: paths, folds and rows left out."""
