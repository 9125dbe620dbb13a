// deno-coverage-ignore-file
/**
 * json-server's own tests, run against an api over the wire: `deno run -A FILE SOURCES` prints a line of JSON per test.
 * What the tests make in memory is put into the api before each request, and read from it after.
 *
 * @module
 */

import assert from "node:assert";
import { createServer, type IncomingMessage, request } from "node:http";
import { Buffer } from "node:buffer";
import { runInThisContext } from "node:vm";
import { type Daemon, startDaemon } from "../../daemon.ts";

const FILES = [
  "plural",
  "plural-with-custom-foreign-key",
  "plural-fake",
  "singular",
  "singular-fake",
  "schema-ignore",
];
const LONGEST_MS = 10_000;

type State = Record<string, unknown>;

/** What a test has set up last: the data, and how json-server would be started. */
interface World {
  state: State;
  id: string;
  suffix: string;
  fake: boolean;
  rules?: object;
}

let world: World = { state: {}, id: "id", suffix: "Id", fake: false };

const apis = new Map<string, { daemon: Daemon; url: string }>();
const folder = await Deno.makeTempDir();

/** Starts the api that the world asks for, or gives the one that runs. */
async function openApi(): Promise<string> {
  const { id, suffix, fake, rules } = world;
  const key = JSON.stringify([id, suffix, fake && world.state, rules]);
  const running = apis.get(key);
  if (running !== undefined) return running.url;
  const at = `${folder}/${apis.size}`;
  await Deno.writeTextFile(`${at}.db.json`, JSON.stringify(world.state));
  await Deno.writeTextFile(`${at}.routes.json`, JSON.stringify(rules ?? {}));
  const daemon = startDaemon([
    ...[Deno.execPath(), "run", "-A", "--no-check", "tasks/api.ts"],
    ...["--memory", "--port=0", "--json", "--from", `${at}.db.json`],
    // one test asks as its page
    ...["--origin", "http://example.com"],
    ...id === "id" ? [] : ["--id", id],
    ...suffix === "Id" ? [] : ["--foreign-key-suffix", suffix],
    ...fake ? ["--fake"] : [],
    ...rules ? ["--routes", `${at}.routes.json`] : [],
  ], "lines");
  for (;;) {
    const line = await daemon.line();
    if (line === undefined) throw new Error("Cannot start the api");
    const { event, url } = JSON.parse(line);
    if (event !== "listening") continue;
    apis.set(key, { daemon, url });
    return url;
  }
}

async function store(url: string): Promise<void> {
  if (world.fake) return; // it has what it was started with
  const body = JSON.stringify(world.state);
  const response = await fetch(`${url}db`, { method: "PUT", body });
  if (!response.ok) throw new Error(await response.text());
  await response.body?.cancel();
}

async function load(url: string): Promise<void> {
  const state: State = await (await fetch(`${url}db`)).json();
  Object.assign(world.state, state);
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}

// Stands between the tests, which want to know the port at once, and the api.
const proxy = createServer(async (asked, answer) => {
  try {
    const body = await bodyOf(asked);
    const url = await openApi();
    await store(url);
    const { method, headers } = asked;
    const sent = request(new URL(asked.url ?? "/", url), { method, headers });
    sent.end(body);
    const got = await new Promise<IncomingMessage>((resolve, reject) =>
      sent.on("response", resolve).on("error", reject)
    );
    const answered = await bodyOf(got);
    await load(url);
    answer.writeHead(got.statusCode ?? 500, got.headers).end(answered);
  } catch (error) {
    answer.writeHead(599).end(String(error));
  }
});
await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));

/** What the tests take for json-server. */
const jsonServer = {
  create: () => ({ use: () => {}, address: () => proxy.address() }),
  defaults: () => {},
  rewriter(rules: object) {
    world.rules = rules;
  },
  router(
    state: State,
    { foreignKeySuffix = "Id", _isFake = false } = {},
  ) {
    world = { state, id: "id", suffix: foreignKeySuffix, fake: _isFake };
    const names = {
      set id(name: string) {
        world.id = name;
      },
    };
    const setState = (state: State) => Object.assign(world, { state });
    return { db: { _: names, getState: () => world.state, setState } };
  },
};

const loaded = async (name: string): Promise<unknown> =>
  (await import(name)).default;
const modules: Record<string, unknown> = {
  assert,
  lodash: await loaded("npm:lodash@4.17.21"),
  supertest: await loaded("npm:supertest@6.3.4"),
  "../../src/server": jsonServer,
};

type Step = (done?: (error?: unknown) => void) => unknown;

/** Runs a step, which ends by its promise or by calling what it is given. */
async function take(step: Step): Promise<void> {
  const late = AbortSignal.timeout(LONGEST_MS);
  await new Promise<unknown>((resolve, reject) => {
    late.addEventListener("abort", () => reject(late.reason));
    const done = (error?: unknown) => error ? reject(error) : resolve(0);
    if (step.length > 0) return step(done);
    Promise.resolve().then(() => step()).then(resolve, reject);
  });
}

const tests: { name: string; steps: Step[] }[] = [];
let [names, before]: [string[], Step[]] = [[], []];
const globals = {
  require: (name: string) => modules[name],
  describe(name: string, define: () => void) {
    const outer = [names, before] as const;
    [names, before] = [[...names, name], [...before]];
    define();
    [names, before] = [...outer];
  },
  beforeEach: (step: Step) => before.push(step),
  test: (name: string, step: Step) =>
    tests.push({
      name: [...names, name].join(" > "),
      steps: [...before, step],
    }),
};

try {
  for (const file of FILES) {
    const path = `${Deno.args[0]}/__tests__/server/${file}.js`;
    const parameters = Object.keys(globals).join(", ");
    const text = `(${parameters}) => {${await Deno.readTextFile(path)}\n}`;
    names = [file];
    runInThisContext(text, path)(...Object.values(globals));
  }
  for (const { name, steps } of tests) {
    let why: string | undefined;
    try {
      for (const step of steps) await take(step);
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
    const line = JSON.stringify({ name, why });
    Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  }
} finally {
  for (const { daemon } of apis.values()) await daemon[Symbol.asyncDispose]();
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(0);
