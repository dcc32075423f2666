type Log = (fields: Record<string, unknown>, text: string) => void;

/** What this room asks of a logger; pino's is one. */
export type Logger = { debug: Log; info: Log; warn: Log; error: Log };
