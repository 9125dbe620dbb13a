// What the page does: the console, the log, the live counts. Texts of responses only ever become text nodes.
"use strict";
const at = (id) => document.getElementById(id);
const write = (id, text) => {
  at(id).textContent = text;
};
const make = (name, textContent = "", className = "") =>
  Object.assign(document.createElement(name), { textContent, className });
// A proxy may serve the page at another path than the api does, which the log has.
const root = document.body.dataset.base;
const home = location.pathname.replace(/\/$/, "");
// which may have no slash at its end, as /api for /: the links are beside the page
if (root === "" && !location.pathname.endsWith("/")) {
  history.replaceState(null, "", `${home}/${location.search}${location.hash}`);
}
const base = location.origin + home;
write("base", base);
const form = at("console").elements;
const main = document.querySelector(".main");
const isRead = (method) => /^(GET|HEAD|OPTIONS)$/.test(method);
const formatNumber = (number) => number.toLocaleString("en");
const bytes = { style: "unit", unit: "byte", unitDisplay: "narrow" };
const formatSize = (length) =>
  length.toLocaleString("en", { ...bytes, notation: "compact" });
const formatTime = (time) => new Date(time).toLocaleTimeString("en-GB");
const formatDay = (time) => new Date(time).toLocaleString("sv-SE"); // 2026-01-31 09:05:00
const namesIn = ({ rows }) =>
  [...rows].map(({ cells }) => cells[0].textContent).join();
function attempt(work, otherwise) {
  try {
    return work();
  } catch {
    return otherwise;
  }
}
const parse = (json) => attempt(() => JSON.parse(json));
const decode = (text) => attempt(() => decodeURIComponent(text), text);

for (const part of document.querySelectorAll(".script")) part.hidden = false;

// The server writes the table: what differs in a new one takes the old one's place, cell by cell.
async function refresh() {
  const headers = { accept: "text/html" };
  const html = await (await fetch(`${base}/`, { headers })).text();
  const page = new DOMParser().parseFromString(html, "text/html");
  const [old, fresh] = [at("kinds"), page.getElementById("kinds")];
  if (namesIn(fresh) !== namesIn(old)) return old.replaceWith(fresh);
  const cells = [...fresh.querySelectorAll("th, td")];
  for (const [index, cell] of old.querySelectorAll("th, td").entries()) {
    if (cell.textContent === cells[index].textContent) continue;
    cell.replaceChildren(...cells[index].childNodes);
  }
}

// Snapshot and reset: the browser keeps one for each root and sandbox of this address.
let snapshot;
let isOfOthers = false;
async function keep(mode, work) {
  const opening = indexedDB.open("hark");
  opening.onupgradeneeded = () => opening.result.createObjectStore("snapshots");
  await new Promise((onsuccess, onerror) =>
    Object.assign(opening, { onsuccess, onerror })
  );
  const database = opening.result;
  const transaction = database.transaction("snapshots", mode);
  const request = work(transaction.objectStore("snapshots"));
  await new Promise((oncomplete, onabort) =>
    Object.assign(transaction, { oncomplete, onabort })
  ).finally(() => database.close());
  return request.result;
}
function say(text, isBad = false) {
  write("said", text);
  at("said").classList.toggle("bad", isBad);
}
function offer(why, next = "") {
  const { time, text } = snapshot;
  say(`${why} ${formatDay(time)}, ${formatSize(text.length)}${next}`);
  at("reset").disabled = false;
}
const refuse = (what) => ({ message }) =>
  say(`Cannot ${what}: ${message}`, true);
async function readSnapshot(why) {
  const response = await fetch(`${base}/db`);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const names = namesIn(at("kinds"));
  snapshot = { time: Date.now(), names, text: await response.text() };
  isOfOthers = false;
  const lost = "; this browser does not keep it: it is gone with this tab";
  const next = await keep("readwrite", (store) => store.put(snapshot, home))
    .then(() => "", () => lost);
  offer(`${why} at`, next);
}
const takeSnapshot = (why) =>
  readSnapshot(why).catch(refuse("take a snapshot"));
keep("readonly", (store) => store.get(home)).then((kept) => {
  if (kept === undefined || snapshot !== undefined) return;
  snapshot = kept;
  isOfOthers = kept.names !== namesIn(at("kinds"));
  const next = "; of other resources: the first change here takes a new one";
  offer("Snapshot of", isOfOthers ? next : "");
}, () => {}); // a snapshot will say that it is not kept
/** What a reset changes, as far as numbers of documents show it. */
async function compare() {
  const now = await (await fetch(`${base}/`)).json();
  const then = JSON.parse(snapshot.text);
  const changes = Object.keys({ ...now, ...then }).flatMap((name) => {
    const counts = [now[name]?.count ?? 0, [then[name] ?? []].flat().length];
    if (counts[0] === counts[1]) return [];
    return [`${name}: ${counts.map(formatNumber).join(" → ")}`];
  });
  return changes.length > 0
    ? `Documents: ${changes.join(", ")}`
    : "There are as many documents now as then.";
}
at("snapshot").onclick = () => takeSnapshot("Snapshot taken");
at("reset").onclick = async () => {
  const since = formatDay(snapshot.time);
  const changes = await compare().catch(() => "");
  write("drops", `What anyone wrote since ${since} is dropped. ${changes}`);
  at("sure").showModal();
};
at("no").onclick = () => at("sure").close();
at("yes").onclick = async () => {
  at("sure").close();
  const { text: body } = snapshot;
  const headers = { "content-type": "application/json" };
  const init = { method: "PUT", headers, body };
  try {
    const response = await fetch(`${base}/db`, init);
    if (response.ok) return offer("Reset to the snapshot of");
    const { detail } = await response.json().catch(() => ({}));
    throw new Error(detail ?? `status ${response.status}`);
  } catch (error) {
    refuse(`reset to ${formatSize(body.length)}`)(error);
  }
};

// The console
const hasBody = () => !/^(GET|HEAD|DELETE|OPTIONS)$/.test(form.method.value);
function readForm() {
  const typed = form.path.value.trim();
  const path = (typed.startsWith(base) ? typed.slice(base.length) : typed)
    .replace(/^\/?/, "/");
  const headers = form.fields.value.split("\n").filter((line) => line.trim())
    .map((line) => {
      const [, name, value] = line.match(/^\s*([^\s:]+):\s*(.*?)\s*$/) ?? [];
      if (name) return [name, value];
      throw new Error(`expected "Name: value", not "${line}"`);
    });
  const body = hasBody() ? form.body.value : undefined;
  const { value: method } = form.method;
  return { method, url: new URL(base + path).href, headers, body };
}
/** A body is JSON unless a header says another thing. */
const withType = ({ headers, body }) =>
  !body || headers.some(([name]) => /^content-type$/i.test(name))
    ? headers
    : [["content-type", "application/json"], ...headers];
function showBody() {
  at("sent").hidden = !hasBody();
}
/** Fills the console with a request as the URL's fragment holds it, and sends one that only reads. */
function fill(text) {
  const [, method, path, body] = text.match(/^([A-Z]+) (\S+)(?: ([^]+))?$/) ??
    [];
  if (![...form.method.options].some(({ value }) => value === method)) return;
  form.method.value = method;
  form.path.value = path;
  if (body !== undefined) form.body.value = body;
  showBody();
  if (isRead(method)) at("console").requestSubmit();
}
/** A body that is long is left out: a link has to fit. */
function formatFragment(method, path, body = "") {
  const rest = body && body.length <= 1000 ? ` ${body}` : "";
  return `#${encodeURI(`${method} ${path}${rest}`.toWellFormed())}`;
}

/** What the headers of a response, or the problem in its body, say to a person. */
function explain(headers, text) {
  const [ignored, deleted] = [
    ["x-ignored-query", "; did-you-mean="],
    ["x-deleted", "="],
  ].map(([name, between]) =>
    headers.get(name)?.split(", ").map((part) =>
      part.split(between).map(decode)
    ) ?? []
  );
  const lines = ignored.map(([key, meant]) =>
    `${key} ${key.startsWith("_") ? "did nothing" : "is no field here"}` +
    (meant === undefined ? "" : `: did you mean ${meant}?`)
  );
  if (deleted.length > 0) {
    const total = deleted.reduce((sum, [, count]) => sum + Number(count), 0);
    const parts = deleted.map(([name, count]) => `${count} ${name}`);
    lines.push(`and ${total} that referred to it: ${parts.join(", ")}`);
  }
  const isProblem = headers.get("content-type")?.includes("problem+json");
  const reason = headers.get("x-reason") ?? (isProblem && parse(text)?.detail);
  return reason ? [...lines, reason] : lines;
}
function show(status, isBad, headers = [], reasons = []) {
  write("status", status);
  at("status").classList.toggle("bad", isBad);
  write("why", reasons.join("\n"));
  write("headers", [...headers].map((pair) => pair.join(": ")).join("\n"));
  at("body").replaceChildren();
  at("response").hidden = false;
}

// Of a long body so many lines are a part: each but the first is made when it is opened.
const maxLines = 1000;
const token =
  /("(?:[^"\\]|\\.)*"?)(\s*:)?|(-?\d[\d.eE+-]*|true|false|null)|[^"\w-]+|./g;
function paint(text, isJson) {
  const pre = make("pre", isJson ? "" : text);
  for (
    const [all, string, colon, value] of isJson ? text.matchAll(token) : []
  ) {
    const kind = colon ? "key" : string ? "string" : value ? "value" : "";
    pre.append(kind ? make("span", string ?? value, kind) : all, colon ?? "");
  }
  return pre;
}
function fold(lines, first, isJson) {
  const part = lines.slice(first, first + maxLines);
  const open = () => paint(part.join(""), isJson);
  if (first === 0) return open();
  const box = make("details");
  const name = [first + 1, first + part.length].map(formatNumber).join(" to ");
  box.append(make("summary", `Lines ${name}`));
  box.addEventListener("toggle", () => box.append(open()), { once: true });
  return box;
}
async function follow({ body }, started) {
  const pre = at("body").appendChild(make("pre"));
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return at("status").append(`, ended after ${started()}`);
    pre.append(value);
    if (pre.childNodes.length > maxShown) pre.firstChild.remove();
  }
}

let running;
async function send() {
  running?.abort();
  const own = running = new AbortController();
  const stop = at("stop");
  const late = setTimeout(() => stop.hidden = false, 500);
  let isStream = false;
  try {
    const asked = readForm();
    const { method, url, body } = asked;
    const fragment = formatFragment(method, url.slice(base.length), body);
    history.replaceState(null, "", fragment);
    const [headers, { signal }] = [withType(asked), own];
    const request = new Request(url, { method, body, headers, signal });
    const left = headers.filter(([name]) => !request.headers.has(name))
      .map(([name]) => `This browser lets no page send ${name}`);
    if (!isRead(method) && (snapshot === undefined || isOfOthers)) {
      await takeSnapshot("Snapshot taken before the first change");
    }
    const start = performance.now();
    const since = () => `${(performance.now() - start).toFixed(1)} ms`;
    const response = await fetch(request);
    const { status, statusText, ok } = response;
    const type = response.headers.get("content-type") ?? "";
    const name = `${status} ${statusText}`;
    isStream = type.startsWith("text/event-stream");
    if (isStream) {
      show(`${name}, events as they come`, !ok, response.headers, left);
      stop.hidden = false;
      return await follow(response, since);
    }
    const text = await response.text();
    const size = formatSize(new Blob([text]).size);
    const reasons = [...left, ...explain(response.headers, text)];
    show(`${name}, ${since()}, ${size}`, !ok, response.headers, reasons);
    // a line may be as long as the whole
    const parts = text.match(/[^\n]{1,2000}\n?|\n/g) ?? [];
    for (let first = 0; first < parts.length; first += maxLines) {
      at("body").append(fold(parts, first, /\bjson\b/.test(type)));
    }
  } catch (error) {
    if (own !== running) return;
    if (error.name !== "AbortError") show(`No answer: ${error.message}`, true);
    else if (isStream) at("status").append(", stopped");
    else show("Stopped before an answer came", true);
  } finally {
    clearTimeout(late);
    if (own === running) stop.hidden = true;
  }
}
form.method.onchange = showBody;
at("console").onsubmit = (event) => {
  event.preventDefault();
  send();
};
at("console").onkeydown = (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  at("console").requestSubmit();
};
at("stop").onclick = () => {
  running.abort();
  main.focus();
};
document.addEventListener("click", (event) => {
  const { button, ctrlKey, metaKey, shiftKey, altKey } = event;
  const link = event.target.closest("#kinds a, #log a");
  if (!link || button || ctrlKey || metaKey || shiftKey || altKey) return;
  event.preventDefault();
  const { hash, pathname } = link;
  fill(hash ? decode(hash.slice(1)) : `GET ${pathname.slice(home.length)}`);
  const { top } = at("try").getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) at("try").scrollIntoView();
  main.focus({ preventScroll: true });
});
globalThis.onhashchange = () => fill(decode(location.hash.slice(1)));

// Copy as: quoted and formatted as the commands do it, which a page cannot load
const quote = (word) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
function formatItem([name, value]) {
  if (typeof value !== "string") return `${name}:=${JSON.stringify(value)}`;
  return `${name}=${value.replace(/^(?=\\*[=@])/, "\\")}`;
}
function formatItems(body) {
  const fields = Object.entries(parse(body) ?? {});
  // a longer number than JavaScript has is left to the body as it is
  const isSimple = /^\s*\{(?!.*\d{16})/s.test(body) && fields.length > 0 &&
    fields.every(([name]) => /^[A-Za-z_]\w*$/.test(name));
  return isSimple ? fields.map(formatItem).map(quote) : undefined;
}
const copies = {
  hark({ method, url, headers, body }) {
    const name = method === "POST" || body ? "post" : "get";
    const isUsual = method === name.toUpperCase();
    const how = isUsual ? [] : ["-X", method];
    const typed = headers.map((pair) => quote(pair.join(":")));
    const task = ["deno task", name, ...how, quote(url), ...typed].join(" ");
    if (!body) return task;
    const items = formatItems(body);
    if (items) return [task, ...items].join(" ");
    return `printf %s ${quote(body)} | ${task} -`;
  },
  curl({ method, url, body, ...rest }) {
    const how = { GET: [], HEAD: ["-I"] }[method] ?? ["-X", method];
    if (/[[\]{}]/.test(url)) how.push("-g");
    const headers = withType({ body, ...rest })
      .flatMap((pair) => ["-H", quote(pair.join(": "))]);
    const data = body ? ["--data-raw", quote(body)] : [];
    return ["curl", ...how, quote(url), ...headers, ...data].join(" ");
  },
  fetch({ method, url, body, ...rest }) {
    const pairs = withType({ body, ...rest });
    const headers = pairs.length > 0 ? Object.fromEntries(pairs) : undefined;
    const init = { method, headers, body: body || undefined };
    const isPlain = method === "GET" && !headers;
    const second = isPlain ? "" : `, ${JSON.stringify(init, null, 2)}`;
    return `await fetch(${JSON.stringify(url)}${second})`;
  },
};
for (const button of document.querySelectorAll("[data-copy]")) {
  button.onclick = () => {
    write("copied", "");
    try {
      const command = copies[button.dataset.copy](readForm());
      write("command", command);
      at("command").hidden = false;
      // where a page may not do it, the command can be selected
      navigator.clipboard?.writeText(command)
        .then(() => write("copied", "Copied"), () => {});
    } catch ({ message }) {
      write("copied", `Cannot copy: ${message}`);
    }
  };
}

// The log
const maxShown = 200;
const waiting = [];
let [busy, paused, stale] = [false, false, false];
function add({ time, method, path, status, ms, reason }) {
  const line = make("li");
  const link = make("a");
  link.href = formatFragment(method, path.slice(root.length) || "/");
  const name = make("b", method, isRead(method) ? "" : method);
  link.append(name, " ", make("span", path));
  const result = make("b", status, status >= 400 ? "bad" : "");
  const took = make("small", `${ms.toFixed(1)} ms`);
  line.append(
    make("time", formatTime(time)),
    " ",
    link,
    " ",
    result,
    " ",
    took,
  );
  if (reason) line.append(" ", make("p", reason, "bad"));
  line.hidden = !isWanted(line);
  at("log").prepend(line);
  at("quiet").hidden = true;
  if (at("log").children.length > maxShown) at("log").lastElementChild.remove();
}
function isWanted({ textContent }) {
  const words = at("filter").value.toLowerCase().split(/\s+/);
  return words.every((word) => textContent.toLowerCase().includes(word));
}
async function flush() {
  if (busy) return;
  busy = true;
  while (stale || (waiting.length > 0 && !paused)) {
    if (!paused) waiting.splice(0).forEach(add);
    if (stale) {
      stale = false;
      await refresh().catch(() => {});
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  busy = false;
}
function showPause() {
  write("pause", paused ? `Go on (${waiting.length})` : "Pause");
}
at("pause").onclick = () => {
  paused = !paused;
  showPause();
  flush();
};
at("filter").oninput = () => {
  for (const line of at("log").children) line.hidden = !isWanted(line);
};
/** What was asked meanwhile is not known: the counts may be others. */
function lose() {
  stale = true;
  flush();
}
const stream = "/events?after=0";
const events = new EventSource(base + stream);
events.onopen = () => {
  // an api that was away may be back with other documents
  stale ||= at("live").textContent !== "connecting";
  write("live", "live");
  flush();
};
events.onerror = () =>
  write("live", events.readyState === 2 ? "off" : "waiting for the api");
events.onmessage = ({ data }) => {
  const entry = JSON.parse(data);
  if (entry.change) return lose();
  const paths = [root, `${root}/`, root + stream];
  if (entry.method === "GET" && paths.includes(entry.path)) return; // this page itself
  waiting.push(entry);
  if (waiting.length > maxShown) waiting.shift();
  stale ||= !isRead(entry.method) && entry.status < 400;
  if (paused) showPause();
  flush();
};
// a page that one may go back to would keep one of the few connections that a browser has for an api
globalThis.onpagehide = () => events.close();
globalThis.onpageshow = ({ persisted }) => persisted && location.reload();
showBody();
fill(decode(location.hash.slice(1)));
