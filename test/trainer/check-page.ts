import { parseHTML } from 'linkedom';
import { expect } from 'vitest';

/** Elements that have no end tag in HTML. */
const empty = new Set(['meta', 'br']);

/** Throws unless every tag is closed, in order, and every ampersand begins an entity. */
export function checkTags(text: string): void {
  const open: string[] = [];
  const markup = text.replace(/<style>[^<]*<\/style>/, '').replace(/^<!doctype html>|^<\?xml[^>]*\?>/, '');
  for (const [tag, closing, name, own] of markup.matchAll(
    /<(\/?)([a-zA-Z][a-zA-Z0-9]*)(?:\s+[\w:-]+="[^"<]*")*\s*(\/?)>|</g,
  )) {
    if (tag === '<') throw new Error('a bare <');
    if (own || empty.has(name!)) continue;
    if (!closing) open.push(name!);
    else if (open.pop() !== name) throw new Error(`</${name}> closes another element`);
  }
  if (open.length > 0) throw new Error(`not closed: ${open}`);
  if (/&(?!(amp|lt|gt|quot|apos|#\d+);)/.test(markup)) throw new Error('a bare ampersand');
}

/** Checks that a page is well formed and needs nothing but itself, and gives its text. */
export function checkPage(page: string) {
  checkTags(page);
  expect(page.replaceAll('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(
    /https?:|<script|<link|@import|url\(|src=|href=| on\w+=/i,
  );
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  const { document } = parseHTML(page);
  return { text: (document.body.textContent as string).replace(/\s+/g, ' '), document };
}
