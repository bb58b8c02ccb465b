"""What things are called in other libraries, and what to write here: for error messages alone."""

from __future__ import annotations

from ._checks import Aliases

__all__ = [
    "ACTIVATIONS",
    "CURVES",
    "ESTIMATOR_ARGUMENTS",
    "FIT_ARGUMENTS",
    "LAYER_ARGUMENTS",
    "LOSSES",
    "MODULE_ATTRIBUTES",
    "NAMES",
    "OPTIMIZER_ARGUMENTS",
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
    **dict.fromkeys(["CrossEntropyLoss", "NLLLoss", "nll_loss", "log_loss"], "cross_entropy"),
    **dict.fromkeys(["MSELoss", "mse_loss", "mse"], "mean_squared_error"),
    **dict.fromkeys(["L1Loss", "l1_loss"], "mean_absolute_error"),
    **dict.fromkeys(["HuberLoss", "SmoothL1Loss", "huber_loss", "smooth_l1_loss"], "huber"),
    **dict.fromkeys(["MultiMarginLoss", "multi_margin_loss"], "multi_class_hinge"),
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "BCELoss": "binary_cross_entropy",
    "hinge_loss": "hinge",
}
"""Losses -> those here; the same name means the same."""

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

PARAMETER_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(["weight", "w"], ("weights", "gain")),
    **dict.fromkeys(["bias", "b", "biases"], ("biases", "bias")),
}
"""Attributes that hold parameters -> what some modules here call them."""

_NO_MODES = "nothing is to be switched: fit trains with dropout, predict and calls go without"
_NO_DEVICES = "the numbers are Python floats, on the CPU; nothing is to be moved"
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

CURVES: Aliases = {
    "val_loss": "validation_loss",
    "val_accuracy": "validation_accuracy",
    "val_acc": "validation_accuracy",
    "acc": "accuracy",
}
"""What histories record -> what `fit` does."""

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
    **dict.fromkeys(
        ["sample_weight", "class_weight"],
        "write it into the loss: loss=lambda outputs, target: ad.take(weights, target) * "
        "nn.cross_entropy(outputs, target)",
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
}
"""Arguments of networks, here too -> those of scikit-learn's estimators."""
