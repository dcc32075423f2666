/** Text from the wire, made fit for a terminal: control and invisible characters, such as escape sequences, become "?". */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, '?');
}

/** Cuts `text` to `width` characters, with an ellipsis where something is missing. */
export function clip(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  return width <= 1
    ? characters.slice(0, Math.max(0, width)).join('')
    : `${characters.slice(0, width - 1).join('')}…`;
}
