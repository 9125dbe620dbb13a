/**
 * `deno task soak`: a mixed load for some minutes; or what the tests check in small, in full size and, with minutes,
 * again and again.
 *
 * @module
 */

import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { ExitCode, UsageError } from "../lib/cli/errors.ts";
import { print } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { parseCount } from "../lib/cli/values.ts";
import { interrupted, interruptible, missing } from "../tests/program.ts";
import { API_CHECKS } from "./soak/api.ts";
import type { Check } from "./soak/check.ts";
import { MIXED_CHECKS } from "./soak/mixed.ts";
import { TCP_CHECKS } from "./soak/tcp.ts";

const ROOMS: Readonly<Record<string, readonly Check[]>> = {
  mixed: MIXED_CHECKS,
  tcp: TCP_CHECKS,
  api: API_CHECKS,
};

/** Runs one check. Resolves to what came out, after `ok`, `FAILED` or `skipped`. */
async function run(
  { name, needs, run }: Check,
  minutes: number,
): Promise<string> {
  const absent = (await missing(needs)).join(", ");
  if (absent !== "") return `skipped ${name}: not installed: ${absent}`;
  const folder = await Deno.makeTempDir({ prefix: "hark-soak-" });
  const begun = performance.now();
  const [verdict, what] = await run(folder, minutes).then(
    (found) => ["ok", found],
    (error) => ["FAILED", error instanceof Error ? error.message : error],
  );
  await Deno.remove(folder, { recursive: true });
  interrupted.throwIfAborted();
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  return `${verdict} ${name}: ${what} (${seconds} s)`;
}

const command = defineCommand({
  name: "soak",
  summary: "Load server, relay and api, and see that nothing is lost or left.",
  usage: "[mixed|tcp|api] [NAME]...",
  examples: [
    ["soak --minutes 5", "everything at once, and clients that misbehave"],
    ["soak tcp", "server and client, each check in full size"],
    ["soak api kill", "the checks of api with kill in their names"],
  ],
  exitCodes: [0, 1, 2, 130, 143],
  options: {
    minutes: {
      value: "N",
      parse: parseCount,
      help: "Again and again for so long; mixed: for so long [default: 1]",
    },
  },
  async run(
    { options: { minutes }, operands: [room = "mixed", ...names] },
    io,
  ) {
    const checks = ROOMS[room]?.filter(({ name }) =>
      names.length === 0 || names.some((part) => name.includes(part))
    );
    if (checks?.length === 0) {
      throw new UsageError(
        `Cannot soak "${room} ${names.join(" ")}": there is no such check`,
      );
    }
    if (checks === undefined) {
      throw new UsageError(
        `Cannot soak "${room}": expected ${Object.keys(ROOMS).join(", ")}`,
      );
    }
    return await interruptible(io, async () => {
      const end = performance.now() + (minutes ?? 0) * 60_000;
      const results: string[] = [];
      do {
        for (const check of checks) {
          const result = await run(check, minutes ?? 1);
          await print(io.stdout, `${result}\n`);
          results.push(result);
        }
      } while (performance.now() < end);
      const count = (verdict: string) =>
        results.filter((it) => it.startsWith(verdict)).length;
      const failed = count("FAILED");
      const sum = `soak: ${count("ok")} passed, ${failed} failed\n`;
      await print(io.stdout, sum);
      return failed === 0 ? ExitCode.Ok : ExitCode.Failed;
    });
  },
});

if (import.meta.main) {
  Deno.exit(await runCommand(command, Deno.args, processIo()));
}
