/**
 * `deno task bundle [--out DIR]`: the six commands as plain modules, which run with Deno and nothing else.
 *
 * @module
 */

import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { ExitCode, UsageError } from "../lib/cli/errors.ts";
import { type Io, print } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { COMMANDS } from "../lib/cli/start.ts";
import { absolutePath } from "../lib/cli/values.ts";
import { interruptible } from "../tests/program.ts";
import { bundleCommands } from "./bundle/modules.ts";

const command = defineCommand({
  name: "bundle",
  summary: "Bundle the commands into plain modules, which need Deno alone.",
  usage: "",
  examples: [
    ["bundle", "all six, into dist/js/"],
    ["bundle --out /srv/hark", "into another folder"],
  ],
  exitCodes: [0, 1, 2, 130, 143],
  options: {
    out: {
      value: "DIR",
      parse: String,
      default: "dist/js",
      help: "Where to put them",
    },
  },
  async run({ options, operands: [first] }, io) {
    if (first !== undefined) {
      throw new UsageError(`Cannot bundle "${first}": all six are one bundle`);
    }
    const out = absolutePath(options.out);
    return await interruptible(io, async () => {
      const size = await bundleCommands(out);
      const files = COMMANDS.map((name) => `${options.out}/${name}.js\n`);
      const whole = `${(size / 2 ** 20).toFixed(1)} MiB in all\n`;
      await print(io.stdout, files.join("") + whole);
      return ExitCode.Ok;
    });
  },
});

/** Runs `bundle` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
