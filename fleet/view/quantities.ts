const bars = '▁▂▃▄▅▆▇█';

/** `97.5%`, `100%`, `-`: one decimal only where it tells something. */
export function percent(ratio: number | null): string {
  if (ratio === null) return '-';
  const value = ratio * 100;
  // Never round up to a perfect score.
  return value > 99 && value < 100 ? `${(Math.floor(value * 10) / 10).toFixed(1)}%` : `${Math.round(value)}%`;
}

/** Three significant digits: `0.42 ms`, `8.5 ms`, `123 ms`. */
export function milliseconds(ms: number | null): string {
  if (ms === null) return '-';
  return `${ms < 1 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}

/** `3 s`, `12 min`, `5 h`, `2 d`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** One bar for each level, level 0 first; a dot for a level that answered nothing. */
export function shareBars(levelShare: number[]): string {
  return levelShare
    .slice(0, 12)
    .map((share) => (share <= 0 ? '·' : (bars[Math.min(7, Math.floor(share * 8))] ?? '█')))
    .join('');
}
