/**
 * The highest outputs of each input as text, `VALUE:INDEX:LABEL`, the highest first, of two equal ones the one of the lower index.
 * Values have six decimals, as C++'s `std::to_string` gives them to Triton's clients.
 * Source: https://github.com/triton-inference-server/server, docs/protocol/extension_classification.md
 *
 * @param options.output `[batch, classes]`, row by row.
 * @param options.labels of the classes; one without has `VALUE:INDEX` alone.
 * @param options.count how many of each input.
 * @returns `[batch, min(count, classes)]`, row by row.
 */
export function topClasses(options: {
  output: Float32Array;
  batch: number;
  labels: readonly string[];
  count: number;
}): string[] {
  const { output, batch, labels, count } = options;
  const classes = output.length / batch;
  return Array.from({ length: batch }, (_, row) => {
    const values = output.subarray(row * classes, (row + 1) * classes);
    return highest(values, count).map((index) => {
      const text = `${(values[index] ?? 0).toFixed(6)}:${index}`;
      const label = labels[index];
      return label === undefined ? text : `${text}:${label}`;
    });
  }).flat();
}

/**
 * Indices of the highest values. Numbers alone are sorted several times as fast as by a function, through which only those go that may count.
 */
function highest(values: Float32Array, count: number): number[] {
  const least = values.slice().sort()[Math.max(0, values.length - count)] ?? 0;
  const indices: number[] = [];
  values.forEach((value, index) => {
    if (!(value < least)) indices.push(index);
  });
  return indices.sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0)).slice(0, count);
}
