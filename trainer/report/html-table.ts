import { type Html, html } from './html.ts';

export type HtmlColumn = { head: string; align?: 'left' | 'right' };

/** A table that scrolls by itself where the page is narrow. */
export function htmlTable(columns: HtmlColumn[], rows: (string | Html)[][]): Html {
  const side = (i: number) => (columns[i].align === 'right' ? 'number' : 'words');
  return html`<div class="table"><table>
<thead><tr>${columns.map(({ head }, i) => html`<th scope="col" class="${side(i)}">${head}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => html`<tr>${row.map((cell, i) => html`<td class="${side(i)}">${cell}</td>`)}</tr>\n`)}</tbody>
</table></div>`;
}

/** Names and what they stand for, in as many columns as there is room for. */
export function htmlPairs(pairs: [name: string, value: string][]): Html {
  return html`<dl>${pairs.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>`;
}
