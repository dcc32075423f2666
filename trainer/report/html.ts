/** Text that is HTML already; all else is escaped where `html` takes it in. */
export type Html = { readonly html: string };

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it may stand in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]);
}

/** Takes text for HTML: only what this program has written itself. */
export function trusted(text: string): Html {
  return { html: text };
}

/** A piece of HTML; strings and numbers that are put in become text, whatever they hold. */
export function html(strings: TemplateStringsArray, ...parts: (string | number | Html | Html[])[]): Html {
  const written = parts.map((part) => {
    if (Array.isArray(part)) return part.map((piece) => piece.html).join('');
    return typeof part === 'object' ? part.html : escapeHtml(String(part));
  });
  return trusted(strings.reduce((text, string, i) => text + written[i - 1] + string));
}
