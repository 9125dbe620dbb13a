// What the page does: the console, the log, the live counts. Texts of responses only ever become text nodes.
"use strict";
const at = (id) => document.getElementById(id);
const base = location.origin + document.body.dataset.base;
const form = at("console").elements;
const seconds = () => new Date().toLocaleTimeString();
const count = (length) =>
  length < 1e4 ? length + " B" : Math.round(length / 1000) + " kB";
let snapshot;

for (const part of document.querySelectorAll(".script")) part.hidden = false;

// The server writes the table: what differs in a new one takes the old one's place, cell by cell.
async function refresh() {
  const response = await fetch(location.href, {
    headers: { accept: "text/html" },
  });
  const fresh = new DOMParser().parseFromString(
    await response.text(),
    "text/html",
  ).getElementById("kinds");
  const names = (body) =>
    [...body.rows].map((row) => row.cells[0].textContent).join();
  if (names(fresh) !== names(at("kinds"))) {
    return at("kinds").replaceWith(fresh);
  }
  [...at("kinds").rows].forEach((row, y) =>
    [...row.cells].forEach((cell, x) => {
      const now = fresh.rows[y].cells[x];
      if (cell.innerHTML !== now.innerHTML) cell.innerHTML = now.innerHTML;
    })
  );
}

// Snapshot and reset
async function takeSnapshot(why) {
  const response = await fetch(base + "/db");
  if (!response.ok) {
    return at("said").textContent = "Cannot take a snapshot: status " +
      response.status;
  }
  snapshot = await response.text();
  at("reset").disabled = false;
  at("said").textContent = why + " at " + seconds() + ", " +
    count(snapshot.length);
}
at("snapshot").onclick = () => takeSnapshot("Snapshot taken");
at("reset").onclick = async () => {
  const response = await fetch(base + "/db", { method: "PUT", body: snapshot });
  at("said").textContent = response.ok
    ? "Reset to the snapshot at " + seconds()
    : "Cannot reset: " + ((await response.json()).detail ?? response.status);
};

// The console
const hasBody = () => !["GET", "HEAD", "DELETE"].includes(form.method.value);
function asked() {
  const path = form.path.value.trim().replace(base, "").replace(/^\/?/, "/");
  return {
    method: form.method.value,
    url: new URL(base + path).href,
    body: hasBody() ? form.body.value : undefined,
  };
}
function showBody() {
  at("sent").hidden = !hasBody();
}
function show(status, bad, headers, body) {
  at("status").textContent = status;
  at("status").classList.toggle("bad", bad);
  at("headers").textContent = headers;
  at("body").textContent = body.length > 2e5
    ? body.slice(0, 2e5) + "\n(cut here)"
    : body;
  at("response").hidden = false;
}
form.method.onchange = showBody;
at("console").onsubmit = async (event) => {
  event.preventDefault();
  const { method, url, body } = asked();
  const changes = method !== "GET" && method !== "HEAD";
  try {
    if (changes && snapshot === undefined) {
      await takeSnapshot("Snapshot taken before the first change");
    }
    const started = performance.now();
    const response = await fetch(url, {
      method,
      body,
      headers: body ? { "content-type": "application/json" } : {},
    });
    const isStream = response.headers.get("content-type")?.startsWith(
      "text/event-stream",
    );
    const text = isStream
      ? "(a stream that goes on: open it in a tab of its own)"
      : await response.text();
    if (isStream) response.body.cancel();
    const ms = (performance.now() - started).toFixed(1);
    const size = isStream ? "" : ", " + count(new Blob([text]).size);
    const headers = [...response.headers].map((pair) => pair.join(": ")).join(
      "\n",
    );
    show(
      response.status + " " + response.statusText + ", " + ms + " ms" + size,
      !response.ok,
      headers,
      text,
    );
  } catch (error) {
    show("No answer: " + error.message, true, "", "");
  }
};

// Copy as
const quote = (word) =>
  /^[\w@%+=:,./-]+$/.test(word)
    ? word
    : "'" + word.replaceAll("'", "'\\''") + "'";
const item = ([name, value]) =>
  quote(
    typeof value === "string"
      ? name + "=" + value.replace(/^(?=\\*[=@])/, "\\")
      : name + ":=" + JSON.stringify(value),
  );
function items(body) {
  try {
    const fields = Object.entries(JSON.parse(body));
    const simple = /^\s*\{/.test(body) && fields.length > 0 &&
      fields.every(([name]) => /^[A-Za-z_]\w*$/.test(name));
    return simple ? fields.map(item) : undefined;
  } catch {
    return undefined;
  }
}
const copies = {
  hark({ method, url, body }) {
    const task = (
      name,
      usual,
    ) => [
      "deno task",
      name,
      ...method === usual ? [] : ["-X", method],
      quote(url),
    ];
    if (!body) {
      return (method === "POST" ? task("post", "POST") : task("get", "GET"))
        .join(" ");
    }
    const fields = items(body);
    if (fields) return [...task("post", "POST"), ...fields].join(" ");
    return ["printf %s", quote(body), "|", ...task("post", "POST"), "-"].join(
      " ",
    );
  },
  curl({ method, url, body }) {
    const how = { GET: [], HEAD: ["-I"] }[method] ?? ["-X", method];
    const data = body
      ? [
        "-H",
        quote("content-type: application/json"),
        "--data-raw",
        quote(body),
      ]
      : [];
    return ["curl", ...how, quote(url), ...data].join(" ");
  },
  fetch({ method, url, body }) {
    const init = {
      method,
      ...body && { headers: { "content-type": "application/json" }, body },
    };
    return "await fetch(" + JSON.stringify(url) +
      (method === "GET" ? ")" : ", " + JSON.stringify(init, null, 2) + ")");
  },
};
async function copy(text, said) {
  await navigator.clipboard?.writeText(text).then(
    () => at("copied").textContent = said,
    () => {},
  );
}
for (const button of document.querySelectorAll("[data-copy]")) {
  button.onclick = () => {
    const text = copies[button.dataset.copy](asked());
    at("command").textContent = text;
    at("command").hidden = false;
    at("copied").textContent = "";
    copy(text, "Copied");
  };
}

// The log
const waiting = [];
let busy = false;
function add({ time, method, path, status, ms, reason }) {
  const line = document.createElement("li");
  const part = (name, text, bad) => {
    const element = line.appendChild(document.createElement(name));
    element.textContent = text;
    element.classList.toggle("bad", bad ?? false);
    line.append(" ");
  };
  part("time", new Date(time).toLocaleTimeString());
  part("b", method);
  part("span", path);
  part("b", status, status >= 400);
  part("small", ms.toFixed(1) + " ms");
  if (reason) part("p", reason, true);
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
const events = new EventSource(base + "/events?after=0");
events.onopen = () => at("live").textContent = "live";
events.onerror = () =>
  at("live").textContent = events.readyState === 2
    ? "off"
    : "waiting for the api";
events.onmessage = ({ data }) => {
  const entry = JSON.parse(data);
  const own = [
    location.pathname,
    document.body.dataset.base + "/events?after=0",
  ];
  if (entry.method === "GET" && own.includes(entry.path)) return; // this page itself
  waiting.push(entry);
  flush();
};
showBody();
