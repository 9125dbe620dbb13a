/**
 * One single-file binary: compiled beside its place, started once, and moved there.
 *
 * @module
 */

import { encodeHex } from "@std/encoding/hex";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { Failure } from "../../lib/cli/errors.ts";
import { run } from "../../tests/program.ts";

/** What holds for every binary: it asks nothing, and writes no cache of its code when it runs. */
const FLAGS = "-q --no-check --frozen --no-prompt --no-code-cache".split(" ");

/** A binary to make. */
export interface Binary {
  /** The command: `get`. */
  readonly name: string;
  /** What it may: `net`, `read`, `write`. */
  readonly permissions: readonly string[];
  /** The platform, as Deno names it: `x86_64-unknown-linux-gnu`. */
  readonly target: string;
  readonly file: string;
}

/** A binary that was made: its size in bytes, its SHA-256 in hex, and whether it was started: another platform's cannot be. */
export interface Built {
  readonly size: number;
  readonly sum: string;
  readonly started: boolean;
}

const env = { NO_COLOR: "1", RUST_BACKTRACE: "0" };

/** Flags that not every Deno has: 2.9 can leave out packages that a script does not need, 2.4 takes text as a module only so. */
async function ownFlags(): Promise<string[]> {
  const help = [Deno.execPath(), "compile", "--help=full"];
  const { stdout } = await run(help, { env });
  return ["--exclude-unused-npm", "--unstable-raw-imports"]
    .filter((flag) => stdout.includes(flag));
}

/** Why Deno could not compile, in one line, and the way out of it. */
function refusalOf({ name, target }: Binary, stderr: string): Failure {
  const what = `Cannot compile ${name} for ${target}`;
  const deno = Deno.version.deno;
  const [, denort] = stderr.match(/(denort-[\w-]+\.zip)/) ?? [];
  if (denort !== undefined) {
    // the innermost one of its causes: `4: Connection refused (os error 111)`
    const [, why] =
      stderr.match(/\n +\d+: ([^\n]*?)(?: \(os error \d+\))?\s*$/) ??
        [];
    return new Failure(
      `${what}: Deno's runtime file ${denort} cannot be downloaded` +
        (why === undefined ? "" : `: ${why}`),
      {
        hint:
          `put that of Deno ${deno} at dl/release/v${deno}/${denort} in the folder that deno info calls DENO_DIR, or name one, unpacked, in DENORT_BIN`,
      },
    );
  }
  const lines = stderr.split("\n").map((line) => line.trim());
  const why = lines.findLast((line) => line !== "") ?? "no reason given";
  return new Failure(
    `${what}: ${why.replace(/^(error|\d+): /, "")}`,
    Deno.env.has("DENORT_BIN") ? { hint: denortHint(target) } : {},
  );
}

function denortHint(target: string): string {
  return `DENORT_BIN must be the denort of Deno ${Deno.version.deno} for ${target}`;
}

/** Starts a binary: one that was made with another Deno's runtime is written without a word, and does not start. */
async function start({ name, target }: Binary, path: string): Promise<void> {
  const { stdout, stderr } = await run([path, "--version"], { env });
  if (stdout.startsWith(`hark ${config.version} (`)) return;
  const [why] = (stderr || stdout).trim().split("\n");
  throw new Failure(
    `Cannot compile ${name} for ${target}: it does not start: ${why}`,
    { hint: denortHint(target) },
  );
}

async function sha256(path: string): Promise<string> {
  const bytes = await Deno.readFile(path);
  return encodeHex(await crypto.subtle.digest("SHA-256", bytes));
}

async function makeFolderIn(out: string): Promise<string> {
  try {
    await Deno.mkdir(out, { recursive: true });
    return await Deno.makeTempDir({ dir: out, prefix: ".compile-" });
  } catch (cause) {
    throw new Failure(`Cannot write into "${out}"`, { cause });
  }
}

/**
 * Compiles a binary into a folder; its file is there only when it is whole and, where this machine can tell, starts.
 *
 * @throws {Failure} When Deno cannot compile it, or it does not start.
 */
export async function compileBinary(
  binary: Binary,
  out: string,
): Promise<Built> {
  const { name, target, file, permissions } = binary;
  const folder = await makeFolderIn(out);
  try {
    const path = `${folder}/${file}`;
    const isOwn = target === Deno.build.target;
    const { code, stderr } = await run([
      ...[Deno.execPath(), "compile", ...FLAGS, ...await ownFlags()],
      ...permissions.map((kind) => `--allow-${kind}`),
      ...isOwn ? [] : ["--target", target],
      ...["-o", path],
      fileURLToPath(new URL(`../${name}.ts`, import.meta.url)),
    ], { env });
    if (code !== 0) throw refusalOf(binary, stderr);
    if (isOwn) await start(binary, path);
    const [{ size }, sum] = [await Deno.stat(path), await sha256(path)];
    await Deno.rename(path, `${out}/${file}`);
    return { size, sum, started: isOwn };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
