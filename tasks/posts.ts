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
    ["posts", "the tutorial's"],
    ["posts --url :3000 userId=1", "one user's, of your api"],
    ["posts 1 2 --table", "two of them"],
    [
      "posts --url :3000 create title=foo body=bar userId:=1",
      "a new one",
    ],
  ],
  ...POSTS,
  hints: {
    "-n": "hark posts --limit N",
    "--paginate": "posts follows the links to further pages by itself",
    "--jq": "hark posts --ndjson | jq ...",
  },
});

/** Runs `posts` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
