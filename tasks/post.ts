/**
 * `post`: posts to a URL.
 *
 * @module
 */

import { defineCommand, runCommand } from "../lib/cli/command.ts";
import type { ExitCode } from "../lib/cli/errors.ts";
import type { Io } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { COMMAND, runExchange } from "./get/get.ts";
import { DEFAULT_URL, parseOperands } from "./get/url.ts";

/** The tutorial's post. */
const DEFAULT_OPERANDS = [DEFAULT_URL, "title=foo", "body=bar", "userId:=1"];

const command = defineCommand({
  name: "post",
  summary: "Post to a URL: the answer's status on stderr, its body on stdout.",
  usage: "[URL] [key=text] [k:=json] [Header:v] [name==v] [@FILE|-]",
  examples: [
    ["post", "the tutorial's post"],
    ["post :3000/posts title=foo userId:=1", "fields: text and JSON"],
    ["post :3000/posts by[name]=Ada tags[]=a", "nested fields"],
    ["post -X PUT :3000/posts/1 title=bar", "another method"],
    ["post -f :3000/faces name=Ada face@ada.png", "a form, with a file"],
    ["post :3000/posts @post.json", "a file; - is standard input"],
  ],
  ...COMMAND,
  async run({ options, operands }, io) {
    const parsed = await parseOperands(
      operands.length === 0 ? DEFAULT_OPERANDS : operands,
    );
    const { method = "POST" } = options;
    const mayHaveBody = !/^(GET|HEAD)$/.test(method);
    const asked = { ...parsed, method, mayHaveBody };
    return runExchange(asked, options, io);
  },
});

/** Runs `post` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
