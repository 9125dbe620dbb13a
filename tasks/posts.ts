/**
 * `posts`: an API's posts.
 *
 * @module
 */

import { defineCommand, runCommand } from "../lib/cli/command.ts";
import type { ExitCode } from "../lib/cli/errors.ts";
import type { Io } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { POSTS } from "./posts/posts.ts";

const command = defineCommand({
  name: "posts",
  summary: "List an API's posts, or create, update and delete them.",
  usage: "[create|update|delete] [ID...] [key=value...]",
  examples: [
    ["posts", "100 of jsonplaceholder.typicode.com"],
    ["posts --url :3000 1 2 --table", "two, of the api on this machine"],
  ],
  operands: {
    Operands: [
      ["1 2", "The posts with these ids"],
      ["userId=1", "Those with this value"],
      ["create title=a body=b userId:=1", "Make one"],
      ["update 1 title=bar", "Change one"],
      ["delete 1", "Remove one"],
    ],
  },
  ...POSTS,
  common: [
    ...["url", "resource", "limit", "offline"] as const,
    ...["fields", "json", "csv", "table"] as const,
  ],
  hints: {
    "-X --method --request":
      "the first word says it: hark posts create title=a; update ID; delete ID",
    "-n": "hark posts --limit N",
    "--paginate": "posts follows the links to further pages by itself",
    "--jq": "hark posts --ndjson | jq .",
    "--pick":
      "fields: --fields A,B; a part of any JSON: hark get URL --pick PATH",
    "--explain": "what happens, step by step: hark get URL --explain",
    "-a --auth --bearer --netrc --digest --session-auth":
      "a login is kept: hark get --session FILE --session-auth --auth USER URL; then: hark posts --session FILE",
  },
});

/** Runs `posts` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
