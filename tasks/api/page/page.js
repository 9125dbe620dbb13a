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
const base = location.origin + home;
write("base", base);
const form = at("console").elements;
const main = document.querySelector(".main");
const isRead = (method) => /^(GET|HEAD|OPTIONS)$/.test(method);
const formatNumber = (number) => number.toLocaleString("en");
const compact = { notation: "compact", style: "unit", unit: "byte" };
const formatSize = (length) =>
  length.toLocaleString("en", { ...compact, unitDisplay: "narrow" });
const formatTime = (time) => new Date(time).toLocaleTimeString("en-GB");
const formatDay = (time) => new Date(time).toLocaleString("sv-SE"); // 2026-01-31 09:05:00
const namesIn = ({ rows }) =>
  [...rows].map(({ cells }) => cells[0].textContent).join();
function parse(json) {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

for (const part of document.querySelectorAll(".script")) part.hidden = false;

// The server writes the table: what differs in a new one takes the old one's place, cell by cell.
async function refresh() {
  const headers = { accept: "text/html" };
  const html = await (await fetch(`${base}/`, { headers })).text();
  const fresh = new DOMParser().parseFromString(html, "text/html")
    .getElementById("kinds");
  const old = at("kinds");
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
  await new Promise((resolve, reject) => {
    opening.onsuccess = resolve;
    opening.onerror = () => reject(opening.error);
  });
  const database = opening.result;
  const transaction = database.transaction("snapshots", mode);
  const request = work(transaction.objectStore("snapshots"));
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  }).finally(() => database.close());
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
async function takeSnapshot(why) {
  const response = await fetch(`${base}/db`);
  if (!response.ok) {
    return say(`Cannot take a snapshot: status ${response.status}`, true);
  }
  const names = namesIn(at("kinds"));
  snapshot = { time: Date.now(), names, text: await response.text() };
  isOfOthers = false;
  const lost = "; this browser does not keep it: it is gone with this tab";
  const next = await keep("readwrite", (store) => store.put(snapshot, home))
    .then(() => "", () => lost);
  offer(`${why} at`, next);
}
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
  return [...new Set(Object.keys(now).concat(Object.keys(then)))]
    .map((name) => [
      name,
      now[name]?.count ?? 0,
      Array.isArray(then[name]) ? then[name].length : name in then ? 1 : 0,
    ])
    .filter(([, before, after]) => before !== after)
    .map(([name, ...counts]) =>
      `${name}: ${counts.map(formatNumber).join(" → ")}`
    );
}
at("snapshot").onclick = () => takeSnapshot("Snapshot taken");
at("reset").onclick = async () => {
  const counts = await compare().catch(() => []);
  const what = counts.length > 0
    ? `Documents: ${counts.join(", ")}`
    : "There are as many documents now as then.";
  const since = formatDay(snapshot.time);
  write("drops", `What anyone wrote since ${since} is dropped. ${what}`);
  at("sure").showModal();
};
at("no").onclick = () => at("sure").close();
at("yes").onclick = async () => {
  at("sure").close();
  let why = "";
  try {
    const response = await fetch(`${base}/db`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: snapshot.text,
    });
    if (response.ok) return offer("Reset to the snapshot of");
    const { detail } = await response.json().catch(() => ({}));
    why = detail ?? `status ${response.status}`;
  } catch ({ message }) {
    why = `${message}; the snapshot has ${formatSize(snapshot.text.length)}`;
  }
  say(`Cannot reset: ${why}`, true);
};

// The console
const hasBody = () => !/^(GET|HEAD|DELETE|OPTIONS)$/.test(form.method.value);
function readForm() {
  const path = form.path.value.trim().replace(base, "").replace(/^\/?/, "/");
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
  const [ignored, deleted] = ["x-ignored-query", "x-deleted"].map((name) =>
    headers.get(name)?.split(", ").map((part) =>
      part.split(/; did-you-mean=|=/).map(decode)
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
function show(status, isBad, headers = "", reasons = []) {
  write("status", status);
  at("status").classList.toggle("bad", isBad);
  write("why", reasons.join("\n"));
  write("headers", headers);
  at("body").replaceChildren();
  at("response").hidden = false;
}

// A long body is shown in parts of this many lines, each made when it is opened.
const maxLines = 1000;
const token =
  /("(?:[^"\\]|\\.)*"?)(\s*:)?|(-?\d[\d.eE+-]*|true|false|null)|[^"\w-]+|./g;
function paint(text, isJson) {
  if (!isJson) return make("pre", text);
  const pre = make("pre");
  for (const [all, string, colon, value] of text.matchAll(token)) {
    const kind = colon ? "key" : string ? "string" : value ? "value" : "";
    pre.append(kind ? make("span", string ?? value, kind) : all, colon ?? "");
  }
  return pre;
}
function unfold(box, lines, start, end, isJson) {
  if (end - start <= maxLines) {
    return box.append(paint(lines.slice(start, end).join(""), isJson));
  }
  let step = maxLines;
  while ((end - start) / step > 20) step *= 20;
  for (let first = start; first < end; first += step) {
    const after = Math.min(first + step, end);
    const fold = make("details");
    const name = [first + 1, after].map(formatNumber).join(" to ");
    fold.append(make("summary", `Lines ${name}`));
    box.append(fold);
    const open = () => unfold(fold, lines, first, after, isJson);
    if (first > start) fold.addEventListener("toggle", open, { once: true });
    else [fold.open] = [true, open()];
  }
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
    const lines = [...response.headers].map((pair) => pair.join(": "))
      .join("\n");
    const type = response.headers.get("content-type") ?? "";
    const name = `${status} ${statusText}`;
    isStream = type.startsWith("text/event-stream");
    if (isStream) {
      show(`${name}, events as they come`, !ok, lines, left);
      stop.hidden = false;
      return await follow(response, since);
    }
    const text = await response.text();
    const size = formatSize(new Blob([text]).size);
    const reasons = [...left, ...explain(response.headers, text)];
    show(`${name}, ${since()}, ${size}`, !ok, lines, reasons);
    // a line may be as long as the whole
    const parts = text.match(/[^\n]{1,2000}\n?|\n/g) ?? [];
    unfold(at("body"), parts, 0, parts.length, /\bjson\b/.test(type));
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
const isPlain = (word) => /^[\w@%+=:,./-]+$/.test(word);
const quote = (word) =>
  isPlain(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
function formatItem([name, value]) {
  if (typeof value !== "string") return `${name}:=${JSON.stringify(value)}`;
  return `${name}=${value.replace(/^(?=\\*[=@])/, "\\")}`;
}
function formatItems(body) {
  const fields = Object.entries(parse(body) ?? {});
  const isSimple = /^\s*\{/.test(body) && fields.length > 0 &&
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
    const headers = withType({ body, ...rest })
      .flatMap((pair) => ["-H", quote(pair.join(": "))]);
    const data = body ? ["--data-raw", quote(body)] : [];
    return ["curl", ...how, quote(url), ...headers, ...data].join(" ");
  },
  fetch({ method, url, body, ...rest }) {
    const pairs = withType({ body, ...rest });
    const headers = pairs.length > 0 && { headers: Object.fromEntries(pairs) };
    const init = { method, ...headers, ...body && { body } };
    const isPlain = method === "GET" && !headers;
    const second = isPlain ? "" : `, ${JSON.stringify(init, null, 2)}`;
    return `await fetch(${JSON.stringify(url)}${second})`;
  },
};
for (const button of document.querySelectorAll("[data-copy]")) {
  button.onclick = async () => {
    write("copied", "");
    try {
      const command = copies[button.dataset.copy](readForm());
      write("command", command);
      at("command").hidden = false;
      await navigator.clipboard.writeText(command);
      write("copied", "Copied");
    } catch {
      // it can be selected
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
  link.append(make("b", method, isRead(method) ? "" : method), " ");
  link.append(make("span", path));
  const parts = [
    make("time", formatTime(time)),
    link,
    make("b", status, status >= 400 ? "bad" : ""),
    make("small", `${ms.toFixed(1)} ms`),
    ...reason ? [make("p", reason, "bad")] : [],
  ];
  line.append(...parts.flatMap((part) => [part, " "]));
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
events.onopen = () => write("live", "live");
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
