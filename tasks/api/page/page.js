// What the page does: the console, the log, the live counts. Texts of responses only ever become text nodes.
"use strict";
const at = (id) => document.getElementById(id);
const write = (id, text) => {
  at(id).textContent = text;
};
const base = location.origin + document.body.dataset.base;
const form = at("console").elements;
const now = () => new Date().toLocaleTimeString();
const count = (length) =>
  length < 1e4 ? `${length} B` : `${Math.round(length / 1000)} kB`;
let snapshot;

for (const part of document.querySelectorAll(".script")) part.hidden = false;

// The server writes the table: what differs in a new one takes the old one's place, cell by cell.
async function refresh() {
  const headers = { accept: "text/html" };
  const html = await (await fetch(location.href, { headers })).text();
  const fresh = new DOMParser().parseFromString(html, "text/html")
    .getElementById("kinds");
  const old = at("kinds");
  const names = ({ rows }) => [...rows].map((row) => row.cells[0].textContent);
  if (names(fresh).join() !== names(old).join()) return old.replaceWith(fresh);
  const cells = [...fresh.querySelectorAll("th, td")];
  for (const [index, cell] of old.querySelectorAll("th, td").entries()) {
    const { innerHTML } = cells[index];
    if (cell.innerHTML !== innerHTML) cell.innerHTML = innerHTML;
  }
}

// Snapshot and reset
async function takeSnapshot(why) {
  const response = await fetch(`${base}/db`);
  if (!response.ok) {
    return write("said", `Cannot take a snapshot: status ${response.status}`);
  }
  snapshot = await response.text();
  at("reset").disabled = false;
  write("said", `${why} at ${now()}, ${count(snapshot.length)}`);
}
at("snapshot").onclick = () => takeSnapshot("Snapshot taken");
at("reset").onclick = async () => {
  const response = await fetch(`${base}/db`, { method: "PUT", body: snapshot });
  if (response.ok) return write("said", `Reset to the snapshot at ${now()}`);
  const { detail } = await response.json();
  write("said", `Cannot reset: ${detail ?? response.status}`);
};

// The console
const hasBody = () => !["GET", "HEAD", "DELETE"].includes(form.method.value);
function readForm() {
  const path = form.path.value.trim().replace(base, "").replace(/^\/?/, "/");
  const body = hasBody() ? form.body.value : undefined;
  return { method: form.method.value, url: new URL(base + path).href, body };
}
function showBody() {
  at("sent").hidden = !hasBody();
}
function show(status, isBad, headers, body) {
  write("status", status);
  at("status").classList.toggle("bad", isBad);
  write("headers", headers);
  const isLong = body.length > 2e5;
  write("body", isLong ? `${body.slice(0, 2e5)}\n(cut here)` : body);
  at("response").hidden = false;
}
form.method.onchange = showBody;
at("console").onsubmit = async (event) => {
  event.preventDefault();
  const { method, url, body } = readForm();
  const changes = method !== "GET" && method !== "HEAD";
  try {
    if (changes && snapshot === undefined) {
      await takeSnapshot("Snapshot taken before the first change");
    }
    const started = performance.now();
    const headers = body ? { "content-type": "application/json" } : {};
    const response = await fetch(url, { method, body, headers });
    const type = response.headers.get("content-type");
    const isStream = type?.startsWith("text/event-stream");
    const text = isStream
      ? "(a stream that goes on: open it in a tab of its own)"
      : await response.text();
    if (isStream) response.body.cancel();
    const ms = (performance.now() - started).toFixed(1);
    const size = isStream ? "" : `, ${count(new Blob([text]).size)}`;
    const lines = [...response.headers].map((pair) => pair.join(": "));
    const status = `${response.status} ${response.statusText}, ${ms} ms${size}`;
    show(status, !response.ok, lines.join("\n"), text);
  } catch (error) {
    show(`No answer: ${error.message}`, true, "", "");
  }
};

// Copy as: quoted and formatted as the commands do it, which a page cannot load
const isPlain = (word) => /^[\w@%+=:,./-]+$/.test(word);
const quote = (word) =>
  isPlain(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
function formatItem([name, value]) {
  if (typeof value !== "string") return `${name}:=${JSON.stringify(value)}`;
  return `${name}=${value.replace(/^(?=\\*[=@])/, "\\")}`;
}
function formatItems(body) {
  try {
    const fields = Object.entries(JSON.parse(body));
    const isSimple = /^\s*\{/.test(body) && fields.length > 0 &&
      fields.every(([name]) => /^[A-Za-z_]\w*$/.test(name));
    return isSimple ? fields.map(formatItem).map(quote) : undefined;
  } catch {
    return undefined;
  }
}
const copies = {
  hark({ method, url, body }) {
    const name = method === "POST" || body ? "post" : "get";
    const isUsual = method === name.toUpperCase();
    const how = isUsual ? [] : ["-X", method];
    const task = ["deno task", name, ...how, quote(url)].join(" ");
    if (!body) return task;
    const items = formatItems(body);
    if (items) return [task, ...items].join(" ");
    return `printf %s ${quote(body)} | ${task} -`;
  },
  curl({ method, url, body }) {
    const how = { GET: [], HEAD: ["-I"] }[method] ?? ["-X", method];
    const type = quote("content-type: application/json");
    const data = body ? ["-H", type, "--data-raw", quote(body)] : [];
    return ["curl", ...how, quote(url), ...data].join(" ");
  },
  fetch({ method, url, body }) {
    const headers = { "content-type": "application/json" };
    const init = { method, ...body && { headers, body } };
    const rest = method === "GET" ? "" : `, ${JSON.stringify(init, null, 2)}`;
    return `await fetch(${JSON.stringify(url)}${rest})`;
  },
};
for (const button of document.querySelectorAll("[data-copy]")) {
  button.onclick = async () => {
    const command = copies[button.dataset.copy](readForm());
    write("command", command);
    at("command").hidden = false;
    write("copied", "");
    try {
      await navigator.clipboard.writeText(command);
      write("copied", "Copied");
    } catch {
      // it can be selected
    }
  };
}

// The log
const waiting = [];
let busy = false;
function add({ time, method, path, status, ms, reason }) {
  const line = document.createElement("li");
  const append = (name, text, isBad = false) => {
    const element = line.appendChild(document.createElement(name));
    element.textContent = text;
    element.classList.toggle("bad", isBad);
    line.append(" ");
  };
  append("time", new Date(time).toLocaleTimeString());
  append("b", method);
  append("span", path);
  append("b", status, status >= 400);
  append("small", `${ms.toFixed(1)} ms`);
  if (reason) append("p", reason, true);
  at("log").prepend(line);
  at("quiet").hidden = true;
  if (at("log").children.length > 100) at("log").lastElementChild.remove();
}
async function flush() {
  if (busy) return;
  busy = true;
  while (waiting.length > 0) {
    const entries = waiting.splice(0);
    entries.slice(-100).forEach(add);
    const changed = entries.some(({ method, status }) =>
      !/GET|HEAD|OPTIONS/.test(method) && status < 400
    );
    if (changed) await refresh().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  busy = false;
}
const stream = "/events?after=0";
const events = new EventSource(base + stream);
events.onopen = () => write("live", "live");
events.onerror = () =>
  write("live", events.readyState === 2 ? "off" : "waiting for the api");
events.onmessage = ({ data }) => {
  const entry = JSON.parse(data);
  const own = [location.pathname, document.body.dataset.base + stream];
  if (entry.method === "GET" && own.includes(entry.path)) return; // this page itself
  waiting.push(entry);
  flush();
};
showBody();
