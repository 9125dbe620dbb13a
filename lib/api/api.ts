/** The command `api`: a store, a handler over it, a port, and lines on what happens. */
import { ExitCode } from "../cli/exit_code.ts";
import { type Io, print } from "../cli/io.ts";
import { type ApiLine, filesOf } from "./api_options.ts";
import { createHandler, type Route } from "./handler.ts";
import { listen } from "./listen.ts";
import { createLineWriter, formatEntry } from "./log.ts";
import { seed } from "./seed.ts";
import { openStore } from "./sqlite.ts";

// Loaded when a browser or a generator asks: most who do are neither.
const routes: Readonly<Record<string, Route>> = {
  "/": async (request, store) =>
    (await import("./page.ts")).answerPage(request, store),
  "/openapi.json": async (request, store) =>
    (await import("./openapi.ts")).answerOpenApi(request, store),
};

/**
 * Serves until a signal ends it: then the streams of events are ended, and other answers may be
 * finished for as long as `--grace` says.
 *
 * @throws {Failure} When the database or the port cannot be had, or the dump cannot be read.
 *
 * @example
 * ```ts ignore
 * const code = await runApi(await parseCommandLine(API_OPTIONS, ["--memory"]), processIo());
 * ```
 */
export async function runApi(
  { options, operands }: ApiLine,
  io: Io,
): Promise<ExitCode> {
  const { json = false, fake = false } = options;
  const { file, from } = filesOf(operands, options);
  const world = from === undefined
    ? seed
    : await (await import("./dump.ts")).readDump(from, io.signal);
  using store = openStore(file, world, { fake, fresh: from !== undefined });
  io.drain();
  const safe = io.stdout.isTerminal
    ? (await import("../cli/terminal.ts")).escapeControls
    : (text: string) => text;
  const lines = createLineWriter((bytes) => io.stdout.writeLater(bytes));
  const streams = new AbortController();
  const handler = createHandler(store, {
    ...options,
    fake,
    routes,
    signal: streams.signal,
    onAnswer: (entry) => lines.add(safe(formatEntry(entry, { json }))),
  });
  const stopped = Promise.withResolvers<void>();
  io.signal.addEventListener("abort", () => stopped.resolve());
  await using server = await listen(handler, options, {
    async onError(error) {
      const { describe } = await import("../cli/reasons.ts");
      const text = `api: Cannot answer a request: ${describe(error)}\n`;
      await io.stderr.writeLater(new TextEncoder().encode(safe(text)));
    },
  });
  const say = (event: Readonly<Record<string, string>>, text: string) =>
    print(io.stdout, json ? `${JSON.stringify(event)}\n` : safe(`${text}\n`));
  if (from !== undefined) {
    const text = `Imported ${from} into ${file}`;
    await say({ event: "imported", from, into: file }, text);
  }
  for (const address of server.addresses) {
    const url = `http://${address}/`;
    await say({ event: "listening", url }, `Listening on ${url}`);
  }
  await Promise.race([server.finished, stopped.promise]);
  streams.abort();
  await server.shutdown(options.grace * 1000);
  await lines.flush();
  return ExitCode.Ok;
}
