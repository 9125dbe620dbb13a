// deno-coverage-ignore-file
/**
 * Servers that people really run: each with a folder, ports and a config of its own, and as a user without rights.
 *
 * @module
 */

import { isListening, until } from "../daemon.ts";
import { withFiles } from "../get/support.ts";
import { type Child, spawnProgram } from "../support.ts";

const NOBODY = 65534;

/** Whom servers run as, where the tests run as root: most refuse it, or give up its rights and then lack them. */
const USER = Deno.uid() === 0 ? NOBODY : undefined;

const APACHE_MODULES =
  "mpm_event authn_core authn_file authz_core authz_user auth_basic auth_digest mime filter deflate alias proxy proxy_connect";

/** The password `secret` as Apache's and squid's files of passwords have it. */
export const SECRET_HASH = "$apr1$harkhark$tAvHXISDneaxV9mH7SXpb.";

/** A server that runs; it ends when it is disposed of. */
export interface RunningServer extends Child, AsyncDisposable {
  /** Ends it as kill -9 does. */
  readonly crash: () => Promise<void>;
}

interface ServerOptions {
  /** Where it works. */
  readonly folder: string;
  /** By what it is known to be ready: the port or the Unix socket where it listens, or a file that it writes. */
  readonly ready: number | string;
  /** Whether it needs the rights of who runs the tests. */
  readonly privileged?: boolean;
  /** What ends it at once, whoever is connected. */
  readonly signal?: Deno.Signal;
}

/** A port for a server that cannot be asked for a free one: none that a system gives to others meanwhile. */
export function pickPort(): number {
  const port = 15_000 + Math.floor(Math.random() * 15_000);
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return port;
  } catch {
    return pickPort();
  }
}

/** The config of an nginx that works in a folder, as one process; `http` is what its servers are. */
export const formatNginx = (folder: string, http: string): string => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr;
events {}
http {
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
${http}
}
`;

/** Runs a test in a folder with these files, where a server may write. */
export function withServerFiles(
  files: Readonly<Record<string, string | Uint8Array>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  return withFiles(files, async (folder) => {
    if (USER !== undefined) await Deno.chown(folder, USER, USER);
    await test(folder);
  });
}

/** Runs a program of a server as the server itself runs. */
export function spawnServer(
  [program = "", ...args]: readonly string[],
  folder: string,
  privileged = false,
): Child {
  return spawnProgram(program, args, {
    cwd: folder,
    env: { HOME: folder, LC_ALL: "C.UTF-8" },
    uid: privileged ? undefined : USER,
  });
}

/** Starts a server and waits until it listens. */
export async function startServer(
  [program = "", ...args]: readonly string[],
  { folder, ready, privileged, signal = "SIGTERM" }: ServerOptions,
): Promise<RunningServer> {
  const child = spawnServer([program, ...args], folder, privileged);
  let ended = false;
  void child.result.then(() => ended = true);
  const end = async (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch {
      // it has ended already
    }
    await child.result;
  };
  try {
    await until(`${program} to listen`, () => {
      if (ended) throw new Error(`Cannot use ${program}: it ended`);
      return isReady(ready);
    });
  } catch (cause) {
    await end("SIGKILL");
    const said = child.stdout.text + child.stderr.text + await logsIn(folder);
    throw new Error(said, { cause });
  }
  return {
    ...child,
    crash: () => end("SIGKILL"),
    [Symbol.asyncDispose]: () => end(signal),
  };
}

/** Starts Apache with these directives. */
export async function startApache(
  folder: string,
  directives: string,
): Promise<RunningServer> {
  const [config, pid] = [`${folder}/apache.conf`, `${folder}/apache.pid`];
  const modules = APACHE_MODULES.split(" ").map((name) =>
    `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`
  );
  const general = [
    ...["ServerName localhost", "StartServers 1", "TypesConfig /dev/null"],
    ...[`DefaultRuntimeDir ${folder}`, `Mutex file:${folder}`],
    ...[`PidFile ${pid}`, `ErrorLog ${folder}/error.log`],
  ];
  const lines = [...modules, ...general, directives];
  await Deno.writeTextFile(config, lines.join("\n"));
  const command = ["apache2", "-f", config, "-D", "FOREGROUND"];
  return await startServer(command, { folder, ready: pid });
}

async function isReady(ready: number | string): Promise<boolean> {
  if (typeof ready === "number") return await isListening(ready);
  try {
    if (!(await Deno.lstat(ready)).isSocket) return true;
    (await Deno.connect({ transport: "unix", path: ready })).close();
    return true;
  } catch {
    return false;
  }
}

/** What those wrote into files that do not write it on stderr. */
async function logsIn(folder: string): Promise<string> {
  let text = "";
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".log")) continue;
    text += await Deno.readTextFile(`${folder}/${name}`);
  }
  return text;
}
