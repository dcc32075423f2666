import { type Html, html, trusted } from './html.ts';

/** Light and dark by the reader's choice, light on paper; the seventh level's black is the ink of either. */
const style = `
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1d2127; --soft: #59626e; --line: #d9dee5; --wash: #f4f6f8; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #15181d; --ink: #e6e9ed; --soft: #a0a9b5; --line: #353c46; --wash: #1e2229; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 16px 48px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 8px; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 0 0 4px; }
p { margin: 0 0 12px; max-width: 75ch; }
.lead { font-size: 1.05rem; overflow-wrap: anywhere; }
.note { color: var(--soft); font-size: 0.875rem; }
section { margin-top: 36px; min-width: 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); column-gap: 40px; }
.empty { border: 1px dashed var(--line); border-radius: 6px; padding: 16px; color: var(--soft); }
svg { display: block; width: 100%; height: auto; font-family: inherit; }
svg [stroke="#000000"] { stroke: var(--ink); }
svg [fill="#000000"] { fill: var(--ink); }
.bar i[style*="#000000"] { background: var(--ink) !important; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 4px 0 8px; padding: 0; list-style: none; font-size: 0.875rem; }
.charts section { display: flex; flex-direction: column; }
.charts section > svg { margin-top: auto; }
.name { white-space: nowrap; }
.legend svg, .name svg { display: inline-block; width: 24px; height: 12px; margin-right: 7px; }
.table { overflow-x: auto; margin: 8px 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 12px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 600; color: var(--soft); vertical-align: bottom; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; }
td.number { white-space: nowrap; }
.small { color: var(--soft); font-size: 0.8rem; display: block; white-space: nowrap; }
.bar { display: block; height: 4px; margin-top: 3px; min-width: 56px; background: var(--line); border-radius: 2px; overflow: hidden; }
.bar i { display: block; height: 100%; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); column-gap: 40px; margin: 8px 0; font-size: 0.9rem; }
dl div { display: flex; justify-content: space-between; gap: 16px; padding: 5px 0; border-bottom: 1px solid var(--line); }
dt { color: var(--soft); flex: none; }
dd { margin: 0; text-align: right; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
footer { margin-top: 40px; color: var(--soft); font-size: 0.8rem; }
@media (max-width: 600px) {
  main { padding-top: 20px; }
  table { font-size: 0.8rem; }
  .small { font-size: 0.7rem; }
  th, td { padding: 6px 5px; }
  .bar { min-width: 40px; }
}
@media print {
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  section { margin-top: 20px; }
  .charts { grid-template-columns: 1fr 1fr; column-gap: 28px; }
  .charts section, tr, dl { break-inside: avoid; }
  h2, .note { break-after: avoid; }
  .table { overflow: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;

/** A whole page that needs no other file, no script and no network. */
export function htmlPage(title: string, body: Html[]): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${trusted(style)}</style>
</head>
<body>
<main>
${body}</main>
</body>
</html>
`;
  return page.html;
}

/** One part of a page under its own heading; `note` says in plain words how to read it. */
export function section(heading: string, note: string, content: Html): Html {
  return html`<section>
<h2>${heading}</h2>
<p class="note">${note}</p>
${content}
</section>
`;
}

/** What stands where there is nothing to show, and why. */
export function emptySection(heading: string, reason: string): Html {
  return html`<section>
<h2>${heading}</h2>
<p class="empty">${reason}</p>
</section>
`;
}
