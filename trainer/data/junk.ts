/** What operating systems and servers put beside a user's files, in lower case. */
const junk = new Set([
  'thumbs.db',
  'ehthumbs.db',
  'desktop.ini',
  'icon\r',
  '__macosx',
  '$recycle.bin',
  'system volume information',
  'lost+found',
  '@eadir',
]);

/** Whether an entry of a folder is no data: it is hidden (`.DS_Store`, `._cat.jpg`, `.git`), or some system's own. */
export function isJunk(name: string): boolean {
  return name.startsWith('.') || junk.has(name.toLowerCase());
}

/** What was left out of a folder of data; for one line that counts it. */
export type Ignored = { names: string[]; emptyFolders: string[] };

/** E.g. `ignored 2 entries of the system or hidden (Thumbs.db, .git) and 1 empty folder (c)`; undefined if there is nothing to say. */
export function describeIgnored({ names, emptyFolders }: Ignored): string | undefined {
  const parts: string[] = [];
  if (names.length > 0)
    parts.push(`${count(names.length, 'entry', 'entries')} of the system or hidden (${someOf(names)})`);
  if (emptyFolders.length > 0)
    parts.push(`${count(emptyFolders.length, 'empty folder', 'empty folders')} (${someOf(emptyFolders)})`);
  return parts.length === 0 ? undefined : `ignored ${parts.join(' and ')}`;
}

function count(number: number, one: string, several: string): string {
  return `${number} ${number === 1 ? one : several}`;
}

/** Some of the names for a message, and how many there are beside: a folder may hold thousands. */
export function someOf(names: readonly string[], most = 3): string {
  const different = [...new Set(names)];
  const rest = different.length - most;
  const shown = different.slice(0, most).map((name) => `"${visible(name)}"`);
  return `${shown.join(', ') || 'none'}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/**
 * A name for a message, in which what cannot be seen stands as an escape: spaces that are none, control and format characters, and a space
 * at either end.
 *
 * @param marks whether marks that combine with the letter before are escapes too.
 */
export function visible(name: string, marks = false): string {
  const hidden = marks ? /[\p{C}\p{M}]|(?! )\p{Z}|^ | $/gu : /\p{C}|(?! )\p{Z}|^ | $/gu;
  return name.replace(hidden, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
