/**
 * `deno task pack [--out DIR]`: the npm package, whose launcher starts the bundled commands in the Deno it depends on.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import ci from "../.ci/package.json" with { type: "json" };
import config from "../deno.json" with { type: "json" };
import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { ExitCode, Failure, UsageError } from "../lib/cli/errors.ts";
import { type Io, print } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { COMMANDS } from "../lib/cli/start.ts";
import { absolutePath } from "../lib/cli/values.ts";
import { interruptible, run } from "../tests/program.ts";
import { bundleCommands } from "./bundle/modules.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What npm is told of the package. */
export const MANIFEST = {
  name: "hark",
  version: config.version,
  description:
    `Network commands for the terminal, with no more permissions than they need: ${
      COMMANDS.join(", ")
    }`,
  license: "MIT",
  type: "module",
  bin: { hark: "hark.mjs" },
  files: ["hark.mjs", "commands.json", "js"],
  dependencies: { deno: ci.dependencies.deno },
  engines: { node: ">=18" },
} as const;

/** What the launcher is told, all from deno.json: the permissions of each command, and a line on each. */
export function describeCommands(): {
  grants: Record<string, string[]>;
  help: string;
} {
  const grants = COMMANDS.map((name) => [
    name,
    config.tasks[name].command.replaceAll("'", "").split(" ")
      .filter((word) => word.startsWith("-")),
  ]);
  const lines = COMMANDS.map((name) =>
    `  ${name.padEnd(8)}${config.tasks[name].description}\n`
  );
  return {
    grants: Object.fromEntries(grants),
    help: `Network commands for the terminal, run by Deno.

Usage: hark COMMAND [PERMISSIONS] [ARGUMENTS]

${lines.join("")}
The options of one: hark get --help
Permissions come first: hark get --allow-net=example.com https://example.com/
`,
  };
}

/** Fills the folder of the package. */
async function fill(folder: string): Promise<void> {
  await bundleCommands(`${folder}/js`);
  const json = (value: unknown) => JSON.stringify(value, null, 2) + "\n";
  await Deno.writeTextFile(`${folder}/package.json`, json(MANIFEST));
  const commands = json(describeCommands());
  await Deno.writeTextFile(`${folder}/commands.json`, commands);
  for (const name of ["README.md", "LICENSE"]) {
    await Deno.copyFile(ROOT + name, `${folder}/${name}`);
  }
  await Deno.copyFile(`${ROOT}tasks/pack/hark.mjs`, `${folder}/hark.mjs`);
  if (Deno.build.os !== "windows") {
    await Deno.chmod(`${folder}/hark.mjs`, 0o755);
  }
}

/** Has npm make a package of a folder, beside it; resolves to the file's name. */
async function packFolder(folder: string): Promise<string> {
  const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
  const words = [npm, "pack", "--json", "--loglevel=error", "--ignore-scripts"];
  const { code, stdout, stderr } = await run(
    [...words, "--pack-destination", ".."],
    { cwd: folder },
  ).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Failure(`Cannot pack "${folder}": npm is not installed`);
  });
  if (code !== 0) {
    const [why = ""] = stderr.trim().split("\n");
    throw new Failure(`Cannot pack "${folder}": ${why}`);
  }
  const { name, version } = MANIFEST;
  return stdout.match(/"filename": *"([^"]+)"/)?.[1] ??
    `${name}-${version}.tgz`;
}

const command = defineCommand({
  name: "pack",
  summary: "Make the npm package of the commands, with their launcher.",
  usage: "",
  examples: [
    ["pack", "dist/npm/, packed as dist/hark-VERSION.tgz"],
    ["pack --out /tmp/hark", "into another folder"],
  ],
  exitCodes: [0, 1, 2, 130, 143],
  options: {
    out: {
      value: "DIR",
      parse: String,
      default: "dist",
      help: "Where to put them",
    },
  },
  async run({ options, operands: [first] }, io) {
    if (first !== undefined) {
      throw new UsageError(`Cannot pack "${first}": all six are one package`);
    }
    const out = absolutePath(options.out);
    return await interruptible(io, async () => {
      await fill(`${out}/npm`);
      const file = await packFolder(`${out}/npm`);
      const { size } = await Deno.stat(`${out}/${file}`);
      const kilobytes = `${(size / 1000).toFixed(0)} kB`;
      await print(io.stdout, `${options.out}/${file}  ${kilobytes}\n`);
      return ExitCode.Ok;
    });
  },
});

/** Runs `pack` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
