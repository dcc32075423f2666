const defaultPorts: Record<string, number> = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 };

export type BrokerUrl = {
  /** Without credentials: fit for messages and logs. */
  shown: string;
  protocol: 'mqtt' | 'mqtts' | 'ws' | 'wss';
  host: string;
  port: number;
  /** With the query; only web sockets use it. */
  path: string;
  username: string | undefined;
  password: string | undefined;
};

/** Takes user name and password out of a URL, be it well formed or not. */
export function hideCredentials(text: string): string {
  return text.replace(/^([^:/]*:\/\/)?.*@/s, '$1');
}

/**
 * Reads the URL of a broker, such as `mqtt://broker.local`, `mqtts://user:secret@10.0.0.2:8883` or `wss://host/mqtt`.
 * Throws a TypeError, whose message holds no credentials, where it is not one.
 */
export function parseBrokerUrl(text: string): BrokerUrl {
  const shown = hideCredentials(text);
  const refuse = (requirement: string, cause?: unknown): never => {
    throw new TypeError(
      `Cannot use the broker's URL as ${requirement}: current value is ${JSON.stringify(shown)}; write for instance mqtt://127.0.0.1:1883`,
      { cause },
    );
  };
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined || defaultPorts[scheme] === undefined)
    return refuse(`its scheme must be one of ${Object.keys(defaultPorts).join(', ')}`);
  const url = URL.canParse(text) ? new URL(text) : refuse('it must be a well-formed URL');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (host === '') refuse('it must name a host');
  return {
    shown,
    protocol: scheme as BrokerUrl['protocol'],
    host,
    port: url.port === '' ? defaultPorts[scheme] : Number(url.port),
    path: `${url.pathname === '' ? '/' : url.pathname}${url.search}`,
    username: credential(url.username, refuse),
    password: credential(url.password, refuse),
  };
}

function credential(text: string, refuse: (requirement: string) => never): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse('user name and password must be percent-encoded');
  }
}
