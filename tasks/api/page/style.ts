/** How the page looks, as CSS: light and dark, wide and narrow. */
export const style = `
:root {
  color-scheme: light dark;
  --back: light-dark(#fbfaf7, #16181b);
  --card: light-dark(#fff, #1e2125);
  --line: light-dark(#e2dfd6, #34383e);
  --text: light-dark(#22262b, #e6e4df);
  --soft: light-dark(#5c6269, #a3a8ae);
  --link: light-dark(#0b6157, #6fd3c3);
  --fill: light-dark(#0b6157, #17756a);
  --bad: light-dark(#b3261e, #ff9d92);
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 2.5rem) 3rem; max-width: 78rem;
  background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif;
}
header, .row { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; }
header { margin-bottom: 1.25rem; }
header nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin-left: auto; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0; letter-spacing: -.02em; }
h2 { font-size: 1.05rem; margin: 0 0 .75rem; }
h2 small { color: var(--soft); font-weight: 400; margin-left: .375rem; }
header code { user-select: all; }
p { margin: 0 0 .75rem; }
a { color: var(--link); text-underline-offset: .2em; }
code, pre, textarea, input, select, #log li { font-family: var(--mono); font-size: .875rem; }
main { display: grid; grid-template-columns: repeat(12, minmax(0, 1fr)); gap: 1.25rem; align-items: start; }
section {
  grid-column: 1 / -1; background: var(--card); border: 1px solid var(--line);
  border-radius: .75rem; padding: 1.25rem; min-width: 0;
}
@media (min-width: 60rem) {
  #try { grid-column: span 7; }
  #requests { grid-column: span 5; }
}
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; }
thead th { font-size: .875rem; color: var(--soft); padding: 0 1.5rem .375rem 0; }
tbody th, td { border-top: 1px solid var(--line); padding: .5rem 1.5rem .5rem 0; vertical-align: baseline; }
td:nth-child(2), thead th:nth-child(2) { text-align: right; font-variant-numeric: tabular-nums; }
td:last-child, thead th:last-child { padding-right: 0; width: 75%; }
td code { overflow-wrap: anywhere; }
i { font-style: normal; color: var(--soft); }
label { display: block; font-size: .875rem; color: var(--soft); margin-bottom: .25rem; }
input, select, textarea, button {
  color: inherit; background: var(--back); border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem;
}
input, textarea { width: 100%; }
textarea { resize: vertical; display: block; }
button { font: 600 .875rem/1.4 system-ui, sans-serif; cursor: pointer; background: var(--card); }
button:hover:enabled { border-color: var(--link); }
button:disabled { opacity: .55; cursor: default; }
.main { background: var(--fill); border-color: var(--fill); color: #fff; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.ask { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .75rem; margin-bottom: .75rem; }
.row { gap: .5rem; margin-top: .75rem; }
.row span { color: var(--soft); font-size: .875rem; margin-left: .5rem; }
pre {
  margin: 0; padding: .75rem; background: var(--back); border: 1px solid var(--line); border-radius: .5rem;
  max-height: 22rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere;
}
output { display: block; }
.row output { color: var(--soft); font-size: .875rem; }
#command { margin-top: .75rem; }
#status { font-weight: 600; margin-top: 1rem; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--soft); font-size: .875rem; }
.bad { color: var(--bad); }
[role=log] { max-height: 34rem; overflow: auto; }
ol { list-style: none; margin: 0; padding: 0; }
#log li { border-top: 1px solid var(--line); padding: .375rem 0; overflow-wrap: anywhere; }
#log time, #log small { color: var(--soft); font-size: .8125rem; }
#log p { margin: 0; font: .875rem/1.4 system-ui, sans-serif; }
@media (max-width: 40rem) {
  section { padding: 1rem; }
  .row button { padding: .5rem .625rem; }
  header nav { margin-left: 0; }
  thead { position: absolute; clip-path: inset(50%); }
  tbody tr { display: grid; grid-template-columns: 1fr auto; border-top: 1px solid var(--line); padding: .5rem 0; }
  tbody th, td { border: 0; padding: 0; }
  td:last-child { grid-column: 1 / -1; width: auto; }
}
`;
