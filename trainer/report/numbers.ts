/** Numbers as pages write them, each with its unit. */

export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)}%`;
}

/** Without zeros that say nothing: `80%`, `92.5%`. */
export function shortPercent(share: number): string {
  return `${Number((100 * share).toFixed(2))}%`;
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Three digits and a word: `7.73 trillion`. */
export function large(value: number): string {
  const unit = units.find(({ size }) => value >= size);
  return unit ? `${(value / unit.size).toPrecision(3)} ${unit.name}` : whole(value);
}

const units = [
  { size: 1e15, name: 'quadrillion' },
  { size: 1e12, name: 'trillion' },
  { size: 1e9, name: 'billion' },
  { size: 1e6, name: 'million' },
];

export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const rounded = Math.round(seconds);
  if (rounded < 3600) return `${Math.floor(rounded / 60)} min ${rounded % 60} s`;
  return `${Math.floor(rounded / 3600)} h ${Math.round((rounded % 3600) / 60)} min`;
}

export function megabytes(bytes: number): string {
  return `${whole(bytes / 1e6)} MB`;
}

export function kilobytes(bytes: number): string {
  return `${(bytes / 1e3).toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })} kB`;
}
