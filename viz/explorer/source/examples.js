// What the playground shows to begin with: {title, text, values, note}.

const doubled = Array.from({ length: 19 }, (_, i) =>
  `${String.fromCharCode(99 + i)} = ${String.fromCharCode(98 + i)} + ${String.fromCharCode(98 + i)}`);

export const EXAMPLES = [
  {
    title: "One path",
    text: "tanh(x**2)",
    values: { x: 0.8 },
    note: "One way from the output to x: the gradient is the product along it.",
  },
  {
    title: "Several inputs",
    text: "s = x*y\nL = s + sin(z*x)",
    values: { x: 1.5, y: -2, z: 0.5 },
    note: "One backward pass finds the gradient toward every input; x is used twice.",
  },
  {
    title: "Several outputs",
    text: "s = x*y\np = exp(s)\nq = s**2 + x",
    values: { x: 0.5, y: 1.2 },
    note: "Two outputs share s; the gradients are those of their sum.",
  },
  {
    title: "A neuron",
    text: "s = w1*x1 + w2*x2 + b\nh = tanh(s)\nL = (h - t)**2",
    values: { w1: 0.5, x1: 2, w2: -1, x2: 0.3, b: 0.1, t: 1 },
    note: "A weighted sum, an activation, and the square of the error as the loss.",
  },
  {
    title: "Softmax with cross-entropy",
    text: "p = softmax(z1, z2, z3)\nL = -log(p)",
    values: { z1: 1, z2: 2, z3: 0.5 },
    note: "The gradient toward each logit is its probability, less 1 for the class that is right.",
  },
  {
    title: "a + a",
    text: "a + a",
    values: { a: 3 },
    note: "Two uses of one input are two edges; their contributions add up to 2.",
  },
  {
    title: "A graph with 2²⁰ paths",
    text: ["a = x", "b = a + a", ...doubled].join("; "),
    values: { x: 1 },
    note: "1,048,576 paths, and 40 edges: a backward pass visits each edge once.",
  },
];
