# Fits a path with glmnet: Rscript glmnet.R FOLDER, with what sparse_penalties.py writes there.
suppressMessages({library(Matrix); library(glmnet)})
folder <- commandArgs(TRUE)[1]
path <- function(name) file.path(folder, name)
numbers <- function(name) {
  file <- file(path(name), "rb")
  on.exit(close(file))
  readBin(file, "double", n = file.size(path(name)) / 8)
}
shape <- numbers("shape")
if (file.exists(path("X.mtx"))) {
  X <- as(readMM(path("X.mtx")), "CsparseMatrix")
} else {
  X <- matrix(numbers("X"), shape[1], shape[2])
}
options <- numbers("options")  # thresh, grouped
y <- factor(numbers("y"))
binary <- nlevels(y) == 2
seconds <- system.time(
  fit <- glmnet(X, y, family = if (binary) "binomial" else "multinomial",
    lambda = numbers("lambda"), standardize = FALSE, thresh = options[1], maxit = 1e9,
    type.multinomial = if (options[2] > 0) "grouped" else "ungrouped")
)[["elapsed"]]
last <- length(fit$lambda)
if (binary) {
  coef <- as.numeric(fit$beta[, last])
  intercept <- fit$a0[last]
} else {
  coef <- as.numeric(sapply(fit$beta, function(beta) as.numeric(beta[, last])))
  intercept <- fit$a0[, last]
}
writeBin(c(seconds, last), path("seconds"))
writeBin(coef, path("coef"))
writeBin(as.numeric(intercept), path("intercept"))
