/**
 * `deno task soak [mixed|tcp|api] [NAME...] [--minutes N]`: a mixed load for some minutes; or what the tests check in
 * small, in full size and, with minutes, again and again.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { API_CHECKS } from "./soak_api.ts";
import { MIXED_CHECKS } from "./soak_mixed.ts";
import { TCP_CHECKS } from "./soak_tcp.ts";
import { exitAfter, find, interrupted } from "./program.ts";
import type { Check } from "./soak_check.ts";

const ROOMS: Readonly<Record<string, readonly Check[]>> = {
  mixed: MIXED_CHECKS,
  tcp: TCP_CHECKS,
  api: API_CHECKS,
};
const MINUTE_MS = 60_000;

const encoder = new TextEncoder();
const say = (text: string) => Deno.stdout.write(encoder.encode(text + "\n"));

/** What of a check's programs is not installed. */
async function missing({ needs = [] }: Check): Promise<string[]> {
  const found = await Promise.all(needs.map(find));
  return needs.filter((_, at) => found[at] === undefined);
}

/** Runs one check and says in one line what came out; undefined where it is skipped. */
async function run(
  check: Check,
  minutes: number,
): Promise<boolean | undefined> {
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

/** Runs what a command line asks for, and resolves to the exit code. */
async function soak(args: readonly string[]): Promise<number> {
  const { _: [room = "mixed", ...names], ...options } = parseArgs([...args], {
    string: ["_", "minutes"],
  });
  const { minutes = 0, ...others } = options;
  const checks = ROOMS[room]?.filter(({ name }) =>
    names.length === 0 || names.some((part) => name.includes(String(part)))
  );
  if (
    checks === undefined || Number.isNaN(Number(minutes)) ||
    Object.keys(others).length > 0
  ) {
    const rooms = Object.keys(ROOMS).join("|");
    await say(`usage: deno task soak [${rooms}] [NAME...] [--minutes N]`);
    return 2;
  }
  const end = performance.now() + Number(minutes) * MINUTE_MS;
  let [passed, failed] = [0, 0];
  do {
    for (const check of checks) {
      const result = await run(check, Number(minutes) || 1);
      if (result === true) passed++;
      if (result === false) failed++;
    }
  } while (performance.now() < end);
  await say(`soak: ${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

await exitAfter(() => soak(Deno.args));
