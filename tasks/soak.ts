/**
 * `deno task soak`: a mixed load for some minutes; or what the tests check in small, in full size and, with minutes,
 * again and again.
 *
 * @module
 */

import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { ExitCode, UsageError } from "../lib/cli/errors.ts";
import { type Output, print } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { parseCount } from "../lib/cli/values.ts";
import { find, interrupted, interruptible } from "../tests/program.ts";
import { API_CHECKS } from "./soak/api.ts";
import type { Check } from "./soak/check.ts";
import { MIXED_CHECKS } from "./soak/mixed.ts";
import { TCP_CHECKS } from "./soak/tcp.ts";

const ROOMS: Readonly<Record<string, readonly Check[]>> = {
  mixed: MIXED_CHECKS,
  tcp: TCP_CHECKS,
  api: API_CHECKS,
};
const MINUTE_MS = 60_000;

/** What of a check's programs is not installed. */
async function missing({ needs = [] }: Check): Promise<string[]> {
  const found = await Promise.all(needs.map(find));
  return needs.filter((_, at) => found[at] === undefined);
}

/** Runs one check and says in one line what came out; undefined where it is skipped. */
async function run(
  check: Check,
  minutes: number,
  stdout: Output,
): Promise<boolean | undefined> {
  const say = async (text: string) => await print(stdout, `${text}\n`);
  const absent = await missing(check);
  if (absent.length > 0) {
    await say(`skipped ${check.name}: not installed: ${absent.join(", ")}`);
    return undefined;
  }
  const folder = await Deno.makeTempDir({ prefix: "hark-soak-" });
  const begun = performance.now();
  const seconds = () => ((performance.now() - begun) / 1000).toFixed(1);
  try {
    const figure = await check.run(folder, minutes);
    await say(`ok ${check.name}: ${figure} (${seconds()} s)`);
    return true;
  } catch (error) {
    interrupted.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    await say(`FAILED ${check.name}: ${why} (${seconds()} s)`);
    return false;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
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
    if (checks === undefined) {
      throw new UsageError(
        `Cannot soak "${room}": expected ${Object.keys(ROOMS).join(", ")}`,
      );
    }
    return await interruptible(io, async () => {
      const end = performance.now() + (minutes ?? 0) * MINUTE_MS;
      let [passed, failed] = [0, 0];
      do {
        for (const check of checks) {
          const result = await run(check, minutes ?? 1, io.stdout);
          if (result === true) passed++;
          if (result === false) failed++;
        }
      } while (performance.now() < end);
      await print(io.stdout, `soak: ${passed} passed, ${failed} failed\n`);
      return failed === 0 ? ExitCode.Ok : ExitCode.Failed;
    });
  },
});

if (import.meta.main) {
  Deno.exit(await runCommand(command, Deno.args, processIo()));
}
