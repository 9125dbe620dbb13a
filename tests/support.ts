// deno-coverage-ignore-file
/**
 * What tests share: a process edge in memory, and commands as real child processes.
 *
 * @module
 */

import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };
import {
  Capture,
  type MemoryOptions,
  piecesOf,
  type Result,
  resultOf,
} from "../tasks/demo/memory.ts";
import { sleep } from "./daemon.ts";

export { createMemoryIo, run, start } from "../tasks/demo/memory.ts";
export type { Main, MemoryOptions } from "../tasks/demo/memory.ts";
export { sleep };

/** A command that runs as a process of its own. */
export interface Child {
  readonly stdout: Capture;
  readonly stderr: Capture;
  readonly kill: (signal: Deno.Signal) => void;
  readonly result: Promise<Result>;
}

/** What a child process gets. */
export interface SpawnOptions {
  /** What it reads, as {@linkcode MemoryOptions.stdin}; default: an empty stdin. */
  readonly stdin?: MemoryOptions["stdin"];
  /** Variables beside NO_COLOR=1. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its working directory; default: the root of the repository. */
  readonly cwd?: string;
  /** Whom it runs as, with the group of the same number; default: who runs the tests. */
  readonly uid?: number | undefined;
}

/**
 * What a hint names is `deno`, but for who runs it out of npx's own folder: the tests, and what they start, run it from
 * another one, which shells find first.
 */
async function leaveNpx(): Promise<void> {
  const path = Deno.execPath();
  if (!/[\\/]_npx[\\/]/.test(path)) return;
  const isWindows = Deno.build.os === "windows";
  const { size } = await Deno.stat(path);
  const folder = join(tmpdir(), `hark-deno-${Deno.version.deno}-${size}`);
  const own = join(folder, isWindows ? "deno.exe" : "deno");
  await Deno.mkdir(folder, { recursive: true });
  try {
    await Deno.link(path, own);
  } catch (error) {
    // npx's folder may be of another file system
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      const part = await Deno.makeTempFile({ dir: folder });
      await Deno.copyFile(path, part);
      await Deno.rename(part, own);
    }
  }
  Object.defineProperty(Deno, "execPath", { value: () => own });
  const rest = Deno.env.get("PATH") ?? "";
  Deno.env.set("PATH", `${folder}${isWindows ? ";" : ":"}${rest}`);
}

await leaveNpx();

/** The root of the repository. */
export const ROOT: string = fileURLToPath(new URL("..", import.meta.url));

/** The sources of lib, tasks and tests, each with its path from the root. */
export async function readSources(
  folders: readonly string[] = ["lib", "tasks", "tests"],
): Promise<[string, string][]> {
  const sources: [string, string][] = [];
  for (const folder of folders) {
    for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) sources.push(...await readSources([path]));
      else if (/\.(ts|js|css)$/.test(name)) {
        sources.push([path, await Deno.readTextFile(ROOT + path)]);
      }
    }
  }
  return sources;
}

/** The pages that people read, by their paths from the root. */
export async function readPages(): Promise<ReadonlyMap<string, string>> {
  const pages = new Map<string, string>();
  for (const folder of ["", "docs/"]) {
    for await (const { name } of Deno.readDir(ROOT + folder)) {
      if (!name.endsWith(".md")) continue;
      pages.set(folder + name, await Deno.readTextFile(ROOT + folder + name));
    }
  }
  return pages;
}

/** The flags between `deno run` and the script that deno.json gives a task, without the quotes around one. */
export function flagsOf(task: string): string[] {
  const command =
    Object.entries(config.tasks).find(([name]) => name === task)?.[1].command ??
      "";
  return command.replaceAll("'", "").split(" ").slice(2, -1);
}

/** Runs a task of deno.json, with its own flags, as a real process: `spawn("get", ["--version"])`. */
export function spawn(
  task: string,
  args: readonly string[] = [],
  options: SpawnOptions = {},
): Child {
  return spawnDeno([
    "run",
    ...flagsOf(task),
    `${ROOT}tasks/${task}.ts`,
    ...args,
  ], options);
}

/** Runs this very Deno with any arguments; `spawnProgram` runs any other program. */
export function spawnDeno(
  args: readonly string[],
  options: SpawnOptions = {},
): Child {
  return spawnProgram(Deno.execPath(), args, options);
}

/** Runs a program as a real process and collects what it writes. */
export function spawnProgram(
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Child {
  const { uid } = options;
  const process = new Deno.Command(pathOf(program) ?? program, {
    args: [...args],
    ...uid === undefined ? {} : { uid, gid: uid },
    cwd: options.cwd ?? ROOT,
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0", ...options.env },
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const collect = async (
    stream: ReadableStream<Uint8Array>,
    capture: Capture,
  ) => {
    for await (const bytes of stream) capture.add(bytes);
    capture.end();
  };
  const feed = async (pieces: AsyncIterable<Uint8Array>) => {
    const writer = process.stdin.getWriter();
    try {
      for await (const piece of pieces) await writer.write(piece);
      await writer.close();
    } catch {
      // it need not read all of it
    }
  };
  const [stdout, stderr] = [new Capture(), new Capture()];
  const result = Promise.all([
    process.status,
    collect(process.stdout, stdout),
    collect(process.stderr, stderr),
    options.stdin === undefined ? undefined : feed(piecesOf(options.stdin)),
  ]).then(([{ code }]) => ({ code, ...resultOf(stdout, stderr) }));
  return { stdout, stderr, kill: (signal) => process.kill(signal), result };
}

/** The bytes of a text. */
export function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** An stdin that gives these pieces and then stays open, as a person's does. */
export async function* openAfter(
  ...pieces: readonly string[]
): AsyncGenerator<string> {
  yield* pieces;
  await new Promise(() => {});
}

/** What comes over a connection until its end, or so many bytes of it. */
export async function receiveText(
  conn: Deno.Conn,
  size = Infinity,
): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (let left = size; left > 0;) {
    const count = await conn.read(buffer.subarray(0, left));
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    left -= count;
  }
  return text;
}

/** What a server says to who connects, until its end. */
export async function receiveFrom(
  port: number,
  hostname = "127.0.0.1",
): Promise<string> {
  using conn = await Deno.connect({ hostname, port });
  return await receiveText(conn);
}

/** Listens on a free port, for clients one after the other, whose talk is the test's own. */
export function listening(
  talk: (conn: Deno.Conn) => Promise<void>,
): AsyncDisposable & { readonly port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    for (;;) {
      try {
        using conn = await listener.accept();
        await talk(conn).catch(() => {});
      } catch {
        return;
      }
    }
  })();
  return {
    port: listener.addr.port,
    [Symbol.asyncDispose]: () => {
      listener.close();
      return served;
    },
  };
}

/** Until it is disposed, `Deno.connect` knows of names that end in `.invalid` at once that there is no such host: a resolver takes its time. */
export function withoutInvalid(): Disposable {
  const { connect } = Deno;
  const quick = (options: Deno.ConnectOptions) =>
    options.hostname?.endsWith(".invalid")
      ? Promise.reject(
        new Error(
          "failed to lookup address information: Name or service not known",
        ),
      )
      : connect(options);
  Object.assign(Deno, { connect: quick });
  return { [Symbol.dispose]: () => Object.assign(Deno, { connect }) };
}

/** Waits until a count has grown and grows no more: of that no event tells. One that does not grow within 30 s fails. */
export async function settled(count: () => number): Promise<void> {
  const start = performance.now();
  for (let before = -1; before !== count() || before === 0;) {
    before = count();
    if (before === 0 && performance.now() - start > 30_000) {
      throw new Error("nothing was counted for 30 s");
    }
    await sleep(100);
  }
}

/** Lends a folder, which is removed with all that is in it. */
export async function withFolder(
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Where Debian keeps servers, which is in nobody's PATH but root's. */
const SERVERS = ["/usr/local/sbin", "/usr/sbin"];

/** Where a program is installed: at its path, in a folder of PATH, or among the servers. */
function pathOf(name: string): string | undefined {
  if (name.startsWith("/")) return isFile(name) ? name : undefined;
  return [...(Deno.env.get("PATH") ?? "").split(":"), ...SERVERS]
    .map((folder) => `${folder}/${name}`)
    .find((path) => isFile(path));
}

/** Whether a program is installed: for `ignore`, with the reason in the test's name. */
export function hasCommand(name: string): boolean {
  return pathOf(name) !== undefined;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A test that needs programs: where one is not installed it is skipped, and its name says why. */
export function testWith(
  programs: string | readonly string[],
  name: string,
  fn: () => Promise<void>,
): void {
  const absent = [programs].flat().find((program) => !hasCommand(program));
  const ignore = absent !== undefined;
  const reason = ignore ? ` (skipped: ${absent} is not installed)` : "";
  Deno.test({ name: name + reason, ignore, fn });
}

/** The memory of this isolate, in bytes: other tests run in threads of the same process and share its resident memory. */
export function memory(): number {
  const { heapTotal, external } = Deno.memoryUsage();
  return heapTotal + external;
}
