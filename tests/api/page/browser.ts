// deno-coverage-ignore-file
/**
 * A real browser for tests: headless Chromium, spoken to over its DevTools WebSocket.
 *
 * @module
 */

import { Capture } from "../../../tasks/demo/memory.ts";
import {
  type Document,
  isDocument,
} from "../../../tasks/api/store/document.ts";

/** A tab. */
export interface Tab {
  /** What the browser complained about: exceptions, refused scripts, failed requests. */
  readonly complaints: string[];
  /** Sends a command of the DevTools protocol. */
  readonly send: (method: string, params?: Document) => Promise<Document>;
  /** Opens a URL and waits until it is loaded. */
  readonly open: (url: string) => Promise<void>;
  /** Gives the value of an expression. */
  readonly evaluate: (expression: string) => Promise<unknown>;
  /** Waits until an expression is true, looking after each change of the page; rejects after 10 s. */
  readonly waitFor: (expression: string) => Promise<void>;
}

/** A browser with one tab; `await using` ends it. */
export interface Browser extends Tab, AsyncDisposable {}

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];

/** Starts Chromium with a folder of its own, and with other flags. */
export async function openBrowser(...flags: string[]): Promise<Browser> {
  const folder = await Deno.makeTempDir({ prefix: "hark-chromium-" });
  const process = new Deno.Command("chromium", {
    args: [...FLAGS, ...flags, `--user-data-dir=${folder}`, "about:blank"],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const output = new Capture();
  const reading = (async () => {
    for await (const bytes of process.stderr) output.add(bytes);
    output.end();
  })();
  const [, url = ""] = (await output.waitFor(/ws:\S+\n/)).match(/(ws:\S+)\n/) ??
    [];
  const wire = await connect(url);

  async function dispose(): Promise<void> {
    await wire.send("Browser.close");
    await wire.closed;
    await process.status;
    await reading;
    await Deno.remove(folder, { recursive: true });
  }

  const { targetId } = await wire.send("Target.createTarget", {
    url: "about:blank",
  });
  const { sessionId } = await wire.send("Target.attachToTarget", {
    targetId,
    flatten: true,
  });
  const tab = createTab(wire, String(sessionId));
  for (const domain of ["Page", "Runtime", "Log"]) {
    await tab.send(`${domain}.enable`);
  }
  return { ...tab, [Symbol.asyncDispose]: dispose };
}

interface Wire {
  readonly send: (
    method: string,
    params?: Document,
    sessionId?: string,
  ) => Promise<Document>;
  readonly listeners: Set<(method: string, params: Document) => void>;
  readonly closed: Promise<void>;
}

async function connect(url: string): Promise<Wire> {
  const socket = new WebSocket(url);
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const waiting = new Map<number, PromiseWithResolvers<Document>>();
  const listeners: Wire["listeners"] = new Set();
  let last = 0;
  socket.onopen = () => opened.resolve();
  socket.onerror = () => opened.reject(new Error(`Cannot connect to ${url}`));
  socket.onclose = () => closed.resolve();
  socket.onmessage = ({ data }) => {
    const { id, result, error, method, params } = JSON.parse(data);
    const response = waiting.get(id);
    waiting.delete(id);
    if (error) response?.reject(new Error(error.message));
    else response?.resolve(result);
    if (method) { for (const listener of listeners) listener(method, params); }
  };
  await opened.promise;
  return {
    send(method, params, sessionId) {
      const response = Promise.withResolvers<Document>();
      waiting.set(++last, response);
      socket.send(JSON.stringify({ id: last, method, params, sessionId }));
      return response.promise;
    },
    listeners,
    closed: closed.promise,
  };
}

function createTab(wire: Wire, sessionId: string): Tab {
  const complaints: string[] = [];
  const send = (method: string, params?: Document) =>
    wire.send(method, params, sessionId);

  wire.listeners.add((method, params) => {
    const { entry, exceptionDetails, type } = params;
    const failed = method === "Runtime.exceptionThrown" ||
      (method === "Runtime.consoleAPICalled" && type === "error") ||
      (method === "Log.entryAdded" && isDocument(entry) &&
        entry.level === "error");
    if (failed) complaints.push(JSON.stringify(exceptionDetails ?? params));
  });

  async function evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) {
      throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    }
    return isDocument(result) ? result.value : undefined;
  }

  return {
    complaints,
    send,
    evaluate,
    async open(url) {
      const loaded = Promise.withResolvers<void>();
      const listener = (method: string) => {
        if (method === "Page.loadEventFired") loaded.resolve();
      };
      wire.listeners.add(listener);
      await send("Page.navigate", { url });
      await loaded.promise;
      wire.listeners.delete(listener);
    },
    async waitFor(expression) {
      await evaluate(`new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error("waited for 10 s")), 10_000);
        const look = () => {
          if (!(${expression})) return;
          observer.disconnect();
          clearTimeout(late);
          resolve();
        };
        const observer = new MutationObserver(look);
        observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
        look();
      })`);
    },
  };
}
