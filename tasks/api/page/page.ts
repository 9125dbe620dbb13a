/**
 * The page for people: what there is, a console to try it, the log of requests as they are answered.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { describe, type Described, type Schema } from "../openapi/schema.ts";
import { isProxied, prefers, respondOnce } from "../response.ts";
import { parseQuery } from "../store/query.ts";
import type { Store } from "../store/store.ts";
import pageCss from "./page.css" with { type: "text" };
import pageJs from "./page.js" with { type: "text" };

// A browser hashes them with its own newlines, whatever a checkout made of them.
const script = pageJs.replaceAll("\r\n", "\n");
const style = pageCss.replaceAll("\r\n", "\n");
const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
  .map((method) => `<option>${method}</option>`).join("");
// two arcs around a dot: something that listens
const icon =
  "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><rect width='32' height='32' rx='8' fill='#0b6157'/>" +
  "<g fill='none' stroke='#fff' stroke-width='3' stroke-linecap='round'><path d='M14 9a10 10 0 0 1 0 14M20 5a16 16 0 0 1 0 22'/></g>" +
  "<circle cx='9' cy='16' r='3' fill='#fff'/></svg>";

const policy = [
  "default-src 'none'",
  `script-src ${await hashOf(script)}`,
  `style-src ${await hashOf(style)}`,
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const nothing = parseQuery(new URLSearchParams("_start=0&_end=0"));

/**
 * Responds to a browser with the page of a store; to others with the URLs of its resources and how many documents each
 * holds. Nothing that is not in the page itself can run in it: its policy names the hashes of its script and style.
 */
export async function servePage(
  request: Request,
  store: Store,
): Promise<Response> {
  const { origin, pathname } = new URL(request.url);
  const base = pathname.replace(/\/$/, "");
  // Where a proxy puts it is not known: what the page links to is beside it, below the last part of its path.
  const here = pathname.endsWith("/") ? "." : `./${base.split("/").at(-1)}`;
  if (!prefers(request.headers.get("accept") ?? "", "text/html")) {
    const listed = index(store, isProxied(request) ? here : base);
    const text = JSON.stringify(listed, null, 2);
    return await respondOnce({ status: 200, text }, request.headers);
  }
  const resources = await describe(store);
  const address = { origin, base, here };
  return await respondOnce({
    status: 200,
    text: render(resources, address, store.naming.id),
    type: "text/html; charset=utf-8",
    headers: { "Content-Security-Policy": policy },
  }, request.headers);
}

function index(store: Store, base: string) {
  return Object.fromEntries(
    store.resources().map(({ name, single }) => {
      const url = `${base}/${encodeURIComponent(name)}`;
      const count = single ? 1 : store.list(name, nothing)?.total ?? 0;
      return [name, { url, count }];
    }),
  );
}

async function hashOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return `'sha256-${encodeBase64(digest)}'`;
}

function render(
  resources: readonly Described[],
  { origin, base, here }: { origin: string; base: string; here: string },
  id: string,
): string {
  const url = escape(here);
  const [, sandbox] = base.match(/\/@([^/]*)$/) ?? [];
  const first = resources.find(({ single }) => !single) ?? resources[0];
  const path = first === undefined ? "/" : pathOf(first);
  const paths = resources.map((each) => `<option value="${pathOf(each)}">`)
    .join("");
  const rows = resources.map((each) => renderRow(each, url)).join("");
  const example = JSON.stringify(exampleOf(first?.schema ?? {}, id), null, 2);
  const link = sandbox === undefined
    ? `<a href="${url}/@sandbox/">Open a sandbox</a>`
    : `<a href="${here === "." ? "../" : "./"}">Leave the sandbox</a>`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>hark api${sandbox === undefined ? "" : `: @${escape(sandbox)}`}</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon)}">
<style>${style}</style>
</head>
<body data-base="${escape(base)}">
<header>
<h1>hark api</h1>
<code id="base">${escape(origin + base)}</code>
<nav aria-label="Documents">
<a href="${url}/openapi.json">OpenAPI</a>
<a href="${url}/db">All data</a>
<a href="${url}/db" download="db.json">Save as db.json</a>
${link}
</nav>
</header>
<main>
<section class="script" id="try" aria-labelledby="trying" hidden>
<h2 id="trying">Try it</h2>
<form id="console">
<div class="ask">
<div><label for="method">Method</label><select id="method" name="method">${methods}</select></div>
<div><label for="path">Path</label><input id="path" name="path" list="paths" value="${path}" required autocomplete="off" autocapitalize="none" spellcheck="false"></div>
</div>
<datalist id="paths">${paths}</datalist>
<div><label for="fields">Headers, one a line</label><textarea id="fields" name="fields" rows="1" placeholder="Prefer: delay=500" autocapitalize="none" spellcheck="false"></textarea></div>
<div id="sent"><label for="json">Body, as JSON</label><textarea id="json" name="body" rows="6" spellcheck="false">
${escape(example)}</textarea></div>
<div class="row">
<button class="main" aria-keyshortcuts="Control+Enter Meta+Enter" title="Ctrl+Enter">Send</button>
<button type="button" id="stop" hidden>Stop</button>
<span id="as">Copy as</span>
<button type="button" data-copy="hark" aria-describedby="as">hark</button>
<button type="button" data-copy="curl" aria-describedby="as">curl</button>
<button type="button" data-copy="fetch" aria-describedby="as">fetch</button>
<output id="copied"></output>
</div>
</form>
<pre id="command" tabindex="0" role="region" aria-label="Command" hidden></pre>
<div id="response" hidden>
<output><b id="status"></b><span id="why"></span></output>
<details><summary>Headers</summary><pre id="headers" tabindex="0" role="region" aria-label="Headers"></pre></details>
<div id="body" class="text" tabindex="0" role="region" aria-label="Body"></div>
</div>
</section>
<section id="data" aria-labelledby="resources">
<h2 id="resources">Resources</h2>
<div class="scroll">
<table>
<thead><tr><th scope="col">Name</th><th scope="col">Documents</th><th scope="col">Fields</th></tr></thead>
<tbody id="kinds">${rows}</tbody>
</table>
</div>
<div class="row script" hidden>
<button type="button" id="snapshot">Take a snapshot</button>
<button type="button" id="reset" disabled>Reset to it …</button>
</div>
<output id="said" class="script" hidden>No snapshot yet: the first change made on this page takes one</output>
<noscript><p>The console and the log need JavaScript; the links do not.</p></noscript>
<dialog id="sure" aria-labelledby="drop">
<h2 id="drop">Reset to the snapshot?</h2>
<p id="drops"></p>
<div class="row"><button type="button" class="main" id="yes">Reset</button><button type="button" id="no" autofocus>Cancel</button></div>
</dialog>
</section>
<section class="script" id="requests" aria-labelledby="asked" hidden>
<h2><span id="asked">Requests</span> <small id="live" role="status">connecting</small></h2>
<div class="row">
<input type="search" id="filter" aria-label="Filter" placeholder="Filter: POST, /posts, 404">
<button type="button" id="pause">Pause</button>
</div>
<p id="quiet">What anyone asks of this api appears here, the newest first.</p>
<div class="scroll" role="log" aria-live="off" aria-labelledby="asked" tabindex="0"><ol id="log"></ol></div>
</section>
</main>
<script>${script}</script>
</body>
</html>
`;
}

function renderRow(resource: Described, url: string): string {
  const { name, single, total, schema } = resource;
  const link = `<a href="${url}${pathOf(resource)}">${escape(name)}</a>`;
  const count = single ? "one object" : total.toLocaleString("en");
  const { length } = Object.keys(schema.properties ?? {});
  const summary = `<summary>${length} ${length === 1 ? "field" : "fields"}`;
  const fields = length === 0
    ? ""
    : `<details>${summary}</summary><code>${
      renderFields(schema)
    }</code></details>`;
  return `
<tr><th scope="row">${link}</th><td>${count}</td><td>${fields}</td></tr>`;
}

function renderFields({ properties = {} }: Schema): string {
  return Object.entries(properties).map(([name, own]) => {
    const type = own.properties
      ? `{ ${renderFields(own)} }`
      : `<i>${[own.type ?? "any"].flat().join("|")}</i>`;
    return `${escape(name)}&nbsp;${type}`;
  }).join(", ");
}

/** The path of a resource, as HTML writes it. */
function pathOf({ name }: Described): string {
  return escape(`/${encodeURIComponent(name)}`);
}

/** A body to begin with. */
function exampleOf({ properties, type }: Schema, id: string): unknown {
  if (properties === undefined) {
    return { integer: 1, number: 1, string: "hello", boolean: true }[
      [type].flat()[0] ?? ""
    ] ?? null;
  }
  const fields = Object.entries(properties).filter(([name]) => name !== id);
  return Object.fromEntries(
    fields.map(([name, own]) => [name, exampleOf(own, id)]),
  );
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
