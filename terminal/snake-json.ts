function snake(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
}

function convert(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(convert);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [snake(key), convert(entry)]));
}

/**
 * JSON as verbs print it: the code's camelCase keys become snake_case (`latencyP50Ms` is `latency_p50_ms`), at every depth.
 *
 * @param value plain data; its keys must be the code's own names, not data.
 */
export function snakeJson(value: object, indent?: number): string {
  return JSON.stringify(convert(value), null, indent);
}
