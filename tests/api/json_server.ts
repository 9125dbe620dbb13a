/**
 * json-server 0.17.4 as a program beside ours: what we are compared with.
 *
 * @module
 */

import { type Daemon, startDaemon } from "../daemon.ts";
import { run } from "../program.ts";

const PACKAGE = "npm:json-server@0.17.4";

// It keeps the data in memory, and prints its port.
const SCRIPT = `
import jsonServer from "${PACKAGE}";
const app = jsonServer.create();
app.use(jsonServer.defaults({ logger: false }));
app.use(jsonServer.router(JSON.parse(await Deno.readTextFile(Deno.args[0]))));
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

/** Deno without this project's settings and lock: the package is not one of its own. */
const FLAGS = ["-A", "--no-config", "--no-lock", "--no-check"];

/** A json-server that listens. */
export interface JsonServer extends AsyncDisposable {
  /** Where: `http://127.0.0.1:40001`. */
  readonly origin: string;
  /** Its process. */
  readonly pid: number;
}

/** Installs json-server in Deno's cache, and tells whether it is there. */
export async function hasJsonServer(): Promise<boolean> {
  const { code } = await run([
    ...[Deno.execPath(), "cache", "-q", ...FLAGS.slice(1, 3), PACKAGE],
  ]);
  return code === 0;
}

/** Starts json-server with data of its own, in a folder where it may leave files. */
export async function startJsonServer(
  data: unknown,
  folder: string,
): Promise<JsonServer> {
  const [script, file] = [`${folder}/json_server.js`, `${folder}/db.json`];
  await Deno.writeTextFile(script, SCRIPT);
  await Deno.writeTextFile(file, JSON.stringify(data));
  const daemon: Daemon = startDaemon(
    [Deno.execPath(), "run", ...FLAGS, script, file],
    "lines",
  );
  const port = await daemon.line();
  if (port === undefined) throw new Error("Cannot start json-server: it ended");
  return {
    origin: `http://127.0.0.1:${port}`,
    pid: daemon.pid,
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}
