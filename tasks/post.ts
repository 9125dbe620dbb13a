/**
 * `post`: posts to a URL.
 *
 * @module
 */

import { defineCommand, runCommand } from "../lib/cli/command.ts";
import type { ExitCode } from "../lib/cli/errors.ts";
import type { Io } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { EXCHANGE_OPTIONS, FORM_OPTIONS } from "./get/options.ts";
import { COMMAND, runExchange } from "./get/get.ts";
import { DEFAULT_URL, parseOperands } from "./get/url.ts";

/** The tutorial's post. */
const DEFAULT_OPERANDS = [DEFAULT_URL, "title=foo", "body=bar", "userId:=1"];

const command = defineCommand({
  name: "post",
  summary: "Post to a URL: the answer's status on stderr, its body on stdout.",
  usage: "[URL] [ITEM...]",
  examples: [
    ["post :3000/posts title=foo userId:=1", "JSON to this machine"],
    ["post -X PATCH :3000/posts/1 title=bar", "another method"],
  ],
  operands: {
    Items: [
      ["key=text, key:=json", "A field; key=@FILE takes a file's text"],
      ["'key[sub]=a', 'key[]=a'", "A field in an object, in a list"],
      ["key@FILE", "A file in a form"],
      ["Name:value", "A header"],
      ["name==value", "A part of the query"],
      ["@FILE, -", "The whole body: a file, standard input"],
    ],
  },
  ...COMMAND,
  options: { ...FORM_OPTIONS, ...EXCHANGE_OPTIONS },
  common: ["form", "method", "auth", "offline", "verbose", "timeout"],
  async run({ options, operands }, io) {
    const parsed = await parseOperands(
      operands.length === 0 ? DEFAULT_OPERANDS : operands,
      "post",
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
