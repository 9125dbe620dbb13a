/**
 * json-server 0.17.4 as a program beside ours: what we are compared with.
 *
 * @module
 */

import { startDaemon } from "../daemon.ts";
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
const FLAGS = ["--no-config", "--no-lock"];

/** Installs json-server in Deno's cache, and resolves to whether it is there. */
export async function hasJsonServer(): Promise<boolean> {
  const command = [Deno.execPath(), "cache", "-q", ...FLAGS, PACKAGE];
  return (await run(command)).code === 0;
}

/** Starts json-server with data of its own, in a folder where it may leave files. */
export async function startJsonServer(
  data: unknown,
  folder: string,
): Promise<AsyncDisposable & { readonly origin: string }> {
  const [script, file] = [`${folder}/json_server.js`, `${folder}/db.json`];
  await Deno.writeTextFile(script, SCRIPT);
  await Deno.writeTextFile(file, JSON.stringify(data));
  const daemon = startDaemon([
    ...[Deno.execPath(), "run", "-A", "--no-check", ...FLAGS],
    ...[script, file],
  ], "lines");
  const port = await daemon.line();
  if (port === undefined) throw new Error("Cannot start json-server: it ended");
  return { ...daemon, origin: `http://127.0.0.1:${port}` };
}
