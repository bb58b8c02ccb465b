"""What things are called in other libraries, and what to write here: for error messages alone."""

from __future__ import annotations

from ._calls import Aliases

__all__ = [
    "ABSENT_ARGUMENTS",
    "ACTIVATIONS",
    "CALLBACK_ARGUMENTS",
    "CALLBACK_HINTS",
    "CURVES",
    "ESTIMATOR_ARGUMENTS",
    "ESTIMATOR_FIT_ARGUMENTS",
    "FIT_ARGUMENTS",
    "LAYER_ARGUMENTS",
    "LOSSES",
    "LOSS_ARGUMENTS",
    "LOSS_HINTS",
    "METRIC_ARGUMENTS",
    "MODULE_ATTRIBUTES",
    "NAMES",
    "NUMBER_LOSS_HINTS",
    "OPTIMIZER_ARGUMENTS",
    "OPTIMIZER_CALLS",
    "PARAMETER_ATTRIBUTES",
]

ACTIVATIONS: Aliases = {
    "linear": "identity",
    "none": "identity",
    "logistic": "sigmoid",
    "swish": "silu",
}
"""Names of activations -> those here."""

LOSSES: Aliases = {
    **dict.fromkeys(["CrossEntropyLoss", "NLLLoss", "nll_loss", "log_loss", "ce"], "cross_entropy"),
    **dict.fromkeys(
        ["categorical_crossentropy", "sparse_categorical_crossentropy"], "cross_entropy"
    ),
    **dict.fromkeys(["MSELoss", "mse_loss", "mse"], "mean_squared_error"),
    **dict.fromkeys(["L1Loss", "l1_loss", "mae"], "mean_absolute_error"),
    **dict.fromkeys(["HuberLoss", "SmoothL1Loss", "huber_loss", "smooth_l1_loss"], "huber"),
    **dict.fromkeys(["MultiMarginLoss", "multi_margin_loss"], "multi_class_hinge"),
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    **dict.fromkeys(["BCELoss", "binary_crossentropy", "bce"], "binary_cross_entropy"),
    "hinge_loss": "hinge",
}
"""Losses -> those here; the same name means the same."""

LOSS_ARGUMENTS: Aliases = {
    **dict.fromkeys(["input", "logits", "y_pred", "predictions"], "outputs logits"),
    **dict.fromkeys(["y", "y_true", "labels"], "targets target"),
    "beta": "delta",
    "smoothing": "label_smoothing",
}
"""Arguments of losses -> those here."""

_ONE_EXAMPLE = "a loss is of one example, and nn.fit, as nn.mean_loss, takes the mean over many"
LOSS_HINTS: dict[str, str] = {
    **dict.fromkeys(["reduction", "reduce", "size_average"], _ONE_EXAMPLE),
    **dict.fromkeys(
        ["weight", "pos_weight", "sample_weight", "class_weight"],
        "multiply the loss: ad.take(weights, target) * nn.cross_entropy(outputs, target)",
    ),
    "from_logits": "write nn.binary_cross_entropy_with_logits; cross_entropy takes logits as it is",
}
"""Arguments of losses of classes -> what to write here."""

NUMBER_LOSS_HINTS: dict[str, str] = {
    **dict.fromkeys(["reduction", "reduce", "size_average"], _ONE_EXAMPLE),
    **dict.fromkeys(
        ["weight", "weights", "sample_weight"],
        "make it a column of the targets, y=np.column_stack([y, weights]), and multiply the loss: "
        "lambda outputs, target: target[1] * nn.half_squared_error(outputs, target[0])",
    ),
}
"""The same of losses of numbers."""

METRIC_ARGUMENTS: Aliases = {
    **dict.fromkeys(["y_pred", "y_score", "preds"], "predicted outputs"),
    **dict.fromkeys(["y_true", "labels", "y", "target"], "targets"),
    "num_classes": "n_classes",
}
"""Arguments of metrics -> those here."""

_ACTIVATION_CLASSES = {
    "ELU": "elu",
    "GELU": "gelu",
    "LeakyReLU": "leaky_relu",
    "ReLU": "relu",
    "Sigmoid": "sigmoid",
    "SiLU": "silu",
    "Softplus": "softplus",
    "Tanh": "tanh",
}

NAMES: dict[str, str] = {
    **{name: f"{ours}(outputs, target)" for name, ours in LOSSES.items()},
    **{
        name: f'"{ours}" in a Sequential, or Layer(n_in, n_out, activation="{ours}")'
        for name, ours in _ACTIVATION_CLASSES.items()
    },
    **{name: f"autograd_mini.{name}(value)" for name in ("relu", "sigmoid", "tanh")},
    "Adagrad": "AdaGrad",
    "Conv2d": "Conv2D(n_inputs, n_outputs, kernel_size)",
    "Dense": "Layer(n_inputs, n_outputs)",
    "Flatten": "flatten, a function that a Sequential takes as it is",
    "functional": "a function of nn itself, such as cross_entropy, or of autograd_mini",
    "GRU": "GRUCell(n_inputs, n_hidden), whose unroll(rows) goes through a sequence",
    "Identity": '"identity" in a Sequential, or lambda x: x',
    "init": "a function of nn itself, such as he_normal",
    "LSTM": "GRUCell(n_inputs, n_hidden), the gated cell that there is",
    "MLPClassifier": "MLPClassifier of nn.sklearn",
    "MLPRegressor": "MLPRegressor of nn.sklearn",
    "ModuleList": "a list of modules as an attribute",
    "MultiheadAttention": "Attention(width, heads)",
    "MultiHeadAttention": "Attention(width, heads)",
    "optim": "a class of nn itself, such as Adam",
    "Parameter": "autograd_mini.Value(number) as an attribute",
    "RMSprop": "RMSProp",
    "RNN": "RNNCell(n_inputs, n_hidden), whose unroll(rows) goes through a sequence",
    "save": "the method of a model, model.save(path)",
    "Softmax": "cross_entropy(outputs, target), which has the softmax inside",
    "softmax": "autograd_mini.softmax(values)",
}
"""Names in a package for neural networks -> what to write here."""

LAYER_ARGUMENTS: Aliases = {
    **dict.fromkeys(["in_features", "in_channels", "input_size", "n_in", "nin"], "n_inputs"),
    **dict.fromkeys(["out_features", "out_channels", "filters", "n_out", "nout"], "n_outputs"),
    **dict.fromkeys(["nouts", "layers", "layer_sizes", "hidden_layer_sizes"], "sizes"),
    **dict.fromkeys(["normalized_shape", "embedding_dim", "embed_dim", "d_model"], "width"),
    **dict.fromkeys(["num_heads", "n_heads"], "heads"),
    **dict.fromkeys(["nonlin", "nonlinearity"], "activation"),
    **dict.fromkeys(["seed", "random_state", "generator"], "rng"),
    "units": "n_outputs n_hidden",
    "hidden_size": "n_hidden",
    "num_embeddings": "n_tokens",
    "input_dim": "n_tokens n_inputs",
    "output_dim": "width n_outputs",
    "is_causal": "causal",
    "eps": "epsilon",
    "elementwise_affine": "gain",
    "p": "rate",
    "strides": "stride",
    "use_bias": "bias",
    "kernel_initializer": "init",
}
"""Arguments of layers and models -> those here."""

_NUMBERS = "the numbers are Python floats, on the CPU"
ABSENT_ARGUMENTS: dict[str, str] = {
    **dict.fromkeys(["device", "dtype"], _NUMBERS),
    **dict.fromkeys(
        ["dilation", "dilation_rate"],
        "there is none; take a larger kernel",
    ),
    "groups": "there are none; give each group of channels a Conv2D of its own",
    "padding_mode": "padding is with zeros; for another one pad the image yourself",
}
"""Arguments of layers that have no counterpart -> what to do."""

PARAMETER_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(["weight", "w"], ("weights", "gain")),
    **dict.fromkeys(["bias", "b", "biases"], ("biases", "bias")),
}
"""Attributes that hold parameters -> what some modules here call them."""

_NO_MODES = "nothing is to be switched: fit trains with dropout, predict and calls go without"
_NO_DEVICES = f"{_NUMBERS}; nothing is to be moved"
_NEURONS = "weights and biases are those of neurons, as in layer.neurons[0].weights"
MODULE_ATTRIBUTES: dict[str, str] = {
    **dict.fromkeys(["train", "eval"], _NO_MODES),
    **dict.fromkeys(["to", "cuda", "cpu", "double", "float"], _NO_DEVICES),
    **dict.fromkeys(["weights", *PARAMETER_ATTRIBUTES], _NEURONS),
    "forward": "call the model itself: model(x) for one example, model.predict(X) for many",
    "modules": "named_parameters() has all paths; parts are attributes, such as model.layers",
    "children": "parts are attributes, such as model.layers",
    "fit": "write nn.fit(model, X, y, loss=..., optimizer=..., epochs=...)",
    "compile": "write nn.fit(model, X, y, loss=..., optimizer=...), which compiles by itself",
    "evaluate": "write nn.accuracy(model.predict(X), y)",
    "score": "write nn.accuracy(model.predict(X), y)",
    "summary": "print the model",
}
"""What models have elsewhere -> what to write here."""

OPTIMIZER_ARGUMENTS: Aliases = {
    **dict.fromkeys(["lr", "eta", "step_size", "rate", "param_groups"], "learning_rate"),
    **dict.fromkeys(["params", "model"], "parameters"),
    **dict.fromkeys(["alpha", "rho"], "beta learning_rate"),
    **dict.fromkeys(["wd", "l2"], "weight_decay"),
    **dict.fromkeys(["betas", "beta"], "beta1 beta2 beta momentum"),
    **dict.fromkeys(["momentum_", "mu"], "momentum"),
    **dict.fromkeys(["max_norm", "clipnorm", "global_clipnorm", "max_grad_norm"], "clip_norm"),
    **dict.fromkeys(["clipvalue", "max_value", "clip"], "clip_value clip_norm"),
    "decay": "beta weight_decay",
    "eps": "epsilon",
    "state": "memory",
}
"""Arguments and attributes of optimizers -> those here."""

OPTIMIZER_CALLS: dict[str, str] = {
    "set_to_none": "gradients are floats, and are set to 0.0",
    "closure": "call loss.backward() before step()",
}
"""Arguments of an optimizer's methods -> what to write here."""

CURVES: Aliases = {
    "val_loss": "validation_loss",
    "val_accuracy": "validation_accuracy",
    "val_acc": "validation_accuracy",
    "acc": "accuracy",
}
"""What histories record -> what `fit` does."""

CALLBACK_ARGUMENTS: Aliases = {
    "restore_best_weights": "restore_best",
    **dict.fromkeys(["n_iter_no_change", "wait"], "patience"),
    **dict.fromkeys(["tol", "threshold", "delta"], "min_delta"),
    **dict.fromkeys(["metric", "curve", "quantity"], "monitor"),
    **dict.fromkeys(["filepath", "filename", "file", "dirpath"], "path"),
    **dict.fromkeys(["save_freq", "period", "every_n_epochs", "frequency"], "every"),
    **dict.fromkeys(["interval", "by", "unit"], "every"),
    **dict.fromkeys(["scheduler", "lr_lambda", "function"], "schedule"),
}
"""Arguments of callbacks -> those here."""

CALLBACK_HINTS: dict[str, str] = {
    **dict.fromkeys(
        ["save_best_only", "save_best", "save_weights_only", "save_top_k"],
        "a checkpoint holds the whole training; EarlyStopping(patience) goes back to the best "
        "parameters, and model.save(path) writes these",
    ),
    "verbose": "fit(..., progress=True) shows what is recorded",
    "baseline": "a function as a callback may call record.stop()",
    "start_from_epoch": "a function as a callback may look at record.epoch",
}
"""Arguments of callbacks that have no like here -> what to write."""

FIT_ARGUMENTS: dict[str, str] = {
    **dict.fromkeys(
        ["lr", "learning_rate", "eta", "momentum", "weight_decay"],
        "it belongs to the optimizer: optimizer=nn.SGD(model.parameters(), learning_rate=0.1)",
    ),
    **dict.fromkeys(
        ["gradient", "backend", "jit"],
        "fit compiles model and loss by itself; compiled=False trains with the scalar engine",
    ),
    **dict.fromkeys(
        ["correct", "scoring", "metric"],
        "pass metrics=[function of outputs and targets], such as metrics=[nn.accuracy]",
    ),
    **dict.fromkeys(
        ["validation_data", "validation_set", "eval_set", "val", "valid"],
        "write validation=(X, y)",
    ),
    **dict.fromkeys(
        ["validation_split", "validation_fraction"],
        "split the examples yourself and pass validation=(X, y)",
    ),
    **dict.fromkeys(["verbose", "disp", "bar"], "write progress=True or progress=False"),
    **dict.fromkeys(["seed", "random_state", "generator"], "write rng=0, or a Generator"),
    **dict.fromkeys(["n_epochs", "max_iter", "num_epochs", "iterations"], "write epochs="),
    **dict.fromkeys(["criterion", "loss_fn", "objective"], "write loss="),
    **dict.fromkeys(["opt", "optim", "solver"], "write optimizer="),
    **dict.fromkeys(["bs", "minibatch_size", "batchsize"], "write batch_size="),
    **dict.fromkeys(
        ["early_stopping", "patience"], "pass callbacks=[nn.EarlyStopping(patience=10)]"
    ),
    "class_weight": "write it into the loss: loss=lambda outputs, target: ad.take(weights, target) "
    "* nn.cross_entropy(outputs, target)",
    **dict.fromkeys(
        ["sample_weight", "sample_weights"],
        "make it the last column of the targets: y=np.column_stack([y, sample_weight]) and "
        "loss=lambda outputs, target: target[1] * nn.half_squared_error(outputs, target[0]), or of "
        "one-hot classes target[-1] * nn.cross_entropy(outputs, target[:-1])",
    ),
    "eager": "write compiled=False",
    "initial_epoch": "pass callbacks=[nn.Checkpoint(path, resume=True)]",
    "history": "fit returns the history, also after Ctrl-C",
}
"""Arguments of functions that train -> what to write here."""

ESTIMATOR_ARGUMENTS: Aliases = {
    **dict.fromkeys(["learning_rate", "lr", "eta"], "learning_rate_init"),
    **dict.fromkeys(["sizes", "hidden", "hidden_layers", "layers"], "hidden_layer_sizes"),
    **dict.fromkeys(["epochs", "n_epochs", "n_iter"], "max_iter"),
    **dict.fromkeys(["weight_decay", "l2"], "alpha"),
    **dict.fromkeys(["rng", "seed"], "random_state"),
    "optimizer": "solver",
    "patience": "n_iter_no_change",
    "progress": "verbose",
    **dict.fromkeys(["warm_start", "beta_1", "beta_2", "epsilon", "power_t", "max_fun"], ""),
}
"""Arguments of networks, here too -> those of scikit-learn's estimators."""

_ALIKE = (
    "all examples count alike; repeat those that shall count more, or train a model with nn.fit, "
    "whose loss may weigh them"
)
ESTIMATOR_FIT_ARGUMENTS: dict[str, str] = {
    **dict.fromkeys(["sample_weight", "class_weight"], _ALIKE),
    "": f"there is no sample_weight, {_ALIKE}",
}
"""Arguments of estimators' `fit` -> what to do here; "" is one more by position."""
