/**
 * The six commands as plain modules: each its own file, with what they share and load only when it is needed beside it.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { Failure } from "../../lib/cli/errors.ts";
import { COMMANDS } from "../../lib/cli/start.ts";
import { run } from "../../tests/program.ts";

/** What those ask for whose packages are bundled: that their terms go with them. */
const LICENSES = "LICENSES.txt";

/** A file that a bundle has written: a command, what commands share, or terms. */
const OWN = new RegExp(
  `^(${COMMANDS.join("|")}|[\\w-]+-[A-Z0-9]{8})\\.js$|^${LICENSES}$`,
);

/** What is bundled of a package, as the comment above it says: its folder, and its name and version. */
const ORIGIN =
  /^\/\/ (\S.*?\/npm\/[^/\n]+\/((?:@[^/\n]+\/)?[^/\n]+\/[^/\n]+))\//gm;

const env = { NO_COLOR: "1", RUST_BACKTRACE: "0", DENO_NO_UPDATE_CHECK: "1" };

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Why Deno could not bundle, in one line, and the way out of it. */
function refusalOf(stderr: string): Failure {
  const [, bundler] = stderr.match(/for package "(@esbuild\/[\w-]+)"/) ?? [];
  if (bundler !== undefined) {
    return new Failure(
      `Cannot bundle the commands: Deno's bundler ${bundler} cannot be downloaded`,
      { hint: "it comes from npm's registry, once" },
    );
  }
  const why = stderr.split("\n").map((line) => line.trim())
    .find((line) => line.startsWith("error: ")) ?? "no reason given";
  return new Failure(
    `Cannot bundle the commands: ${why.replace(/^error: /, "")}`,
  );
}

/** The terms of a package: its file, else what its description names. */
async function termsOf(folder: string): Promise<string> {
  for (const name of ["LICENSE", "LICENSE.md", "LICENSE.txt", "license"]) {
    const text = await Deno.readTextFile(`${folder}/${name}`)
      .catch(() => undefined);
    if (text !== undefined) return text.trim();
  }
  const { license = "unknown", author = "" }: {
    license?: string;
    author?: unknown;
  } = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
  return [`License: ${license}`, ...typeof author === "string" ? [author] : []]
    .join("\n").trim();
}

/** Names packages instead of where they lie on this machine, and collects their terms. */
async function nameOrigins(folder: string): Promise<void> {
  const packages = new Map<string, string>();
  for (const { name } of [...Deno.readDirSync(folder)]) {
    const path = `${folder}/${name}`;
    const text = await Deno.readTextFile(path);
    const named = text.replace(ORIGIN, (_, place: string, title: string) => {
      const known = title.replace(/\/([^/]+)$/, "@$1");
      packages.set(known, place);
      return `// npm:${known}/`;
    });
    if (named !== text) await Deno.writeTextFile(path, named);
  }
  const terms = [];
  for (const [name, place] of [...packages].sort()) {
    const from = place.startsWith("/") ? place : ROOT + place;
    terms.push(`${name}\n\n${await termsOf(from)}\n`);
  }
  const line = "\n" + "-".repeat(80) + "\n\n";
  await Deno.writeTextFile(`${folder}/${LICENSES}`, terms.join(line));
}

async function makeFolderIn(out: string): Promise<string> {
  try {
    await Deno.mkdir(out, { recursive: true });
    return await Deno.makeTempDir({ dir: out, prefix: ".bundle-" });
  } catch (cause) {
    throw new Failure(`Cannot write into "${out}"`, { cause });
  }
}

/**
 * What an earlier bundle has left in a folder.
 *
 * @throws {Failure} When there was none: a `server.js` is somebody else's then.
 */
function ownFiles(out: string): string[] {
  const names = [...Deno.readDirSync(out)]
    .filter(({ name, isFile }) => isFile && OWN.test(name))
    .map(({ name }) => name);
  const [first] = names;
  if (first === undefined || names.includes(LICENSES)) return names;
  throw new Failure(
    `Cannot write into "${out}": the ${first} there is not of a bundle`,
    { hint: "--out FOLDER takes another folder" },
  );
}

/** Replaces what an earlier bundle has left in a folder, and nothing else in it. */
async function replace(out: string, made: string): Promise<void> {
  for (const name of ownFiles(out)) await Deno.remove(`${out}/${name}`);
  for (const { name } of [...Deno.readDirSync(made)]) {
    await Deno.rename(`${made}/${name}`, `${out}/${name}`);
  }
}

/**
 * Bundles the commands into a folder, and resolves to the size of all in bytes; an earlier bundle stays until they are whole.
 *
 * @throws {Failure} When Deno cannot bundle them.
 */
export async function bundleCommands(out: string): Promise<number> {
  const folder = await makeFolderIn(out);
  try {
    ownFiles(out);
    const { code, stderr } = await run([
      ...[Deno.execPath(), "bundle", "-q", "--code-splitting"],
      ...["--config", `${ROOT}deno.json`, "--outdir", folder],
      ...COMMANDS.map((name) => `${ROOT}tasks/${name}.ts`),
    ], { env, cwd: ROOT });
    if (code !== 0) throw refusalOf(stderr);
    await nameOrigins(folder);
    const sizes = [...Deno.readDirSync(folder)]
      .map(({ name }) => Deno.statSync(`${folder}/${name}`).size);
    await replace(out, folder);
    return sizes.reduce((sum, size) => sum + size, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
