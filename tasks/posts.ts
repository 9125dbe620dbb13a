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
    Items: [
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
    "-X --method --request --delete":
      "the first word says it: hark posts create title=a; update ID; delete ID",
    "-n": "hark posts --limit N",
    "-v --verbose -i --include --trace":
      "what is sent and what comes: hark get URL -v",
    "-o --output -O --remote-name --save":
      "into a file: hark posts --json > FILE",
    "-q --quiet -s --silent":
      "what is said besides the posts is on stderr: 2> FILE",
    "--raw --pretty -b --body": "the answer as it came: hark get URL --raw",
    "--retry": "posts tries a GET three times by itself; --retry N is get's",
    "--http --http1.1 --http2 --http3":
      "posts leaves the version to Deno; to choose it: hark get URL --http=2",
    "-H --header --cookie --cookies":
      "posts sends no header of yours: hark get URL Name:value",
    "-d --data -f --form --data-raw":
      "fields are items: hark posts create title=foo userId:=1",
    "--proxy --unix --resolve --pin --cert --key -4 --ipv4 -6 --ipv6 --follow --max-redirects --max-size --time --show-secrets --curl --continue -c -J":
      "posts does not have it, get has: hark get URL",
    "--format --yaml": "--json, --ndjson, --csv or --table",
    "--page": "one page: hark posts _page=2",
    "--sort": "in an order: hark posts _sort=title",
    "--port": "the API: --url :PORT",
    "--paginate": "posts follows the links to further pages by itself",
    "--jq": "hark posts --ndjson | jq .",
    "--pick":
      "fields: --fields A,B; a part of any JSON: hark get URL --pick PATH",
    "--explain": "what happens, step by step: hark get URL --explain",
    "-a --auth --bearer --netrc --digest --session-auth --token":
      "a login is kept: hark get --session FILE --session-auth --auth USER URL; then: hark posts --session FILE",
  },
});

/** Runs `posts` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
