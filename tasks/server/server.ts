/**
 * The command `server`: from its options to a server that logs what happens.
 *
 * @module
 */

import { ExitCode, RUNNER } from "../../lib/cli/errors.ts";
import { type Io, type Output, print } from "../../lib/cli/io.ts";
import type { CommandLine } from "../../lib/cli/options.ts";
import { formatEvent, type ServerEvent } from "./events.ts";
import { createMode } from "./mode.ts";
import { asksForTls, type SERVER_OPTIONS } from "./options.ts";
import { serve } from "./serve.ts";

/**
 * Runs `server`: serves in the mode that the operands name until a signal or, with `--once`, for one client, and logs
 * one line per event: on stdout, in pipe and chat mode on stderr.
 *
 * @throws {UsageError} When options or operands do not go together.
 * @throws {Failure} When it cannot listen, or a file cannot be read.
 */
export async function runServer(
  { options, operands }: CommandLine<typeof SERVER_OPTIONS>,
  io: Io,
): Promise<ExitCode> {
  const { unix, grace, idleTimeout } = options;
  const mode = await createMode(operands, options, io);
  const tls = asksForTls(options)
    ? await (await import("./certificate.ts")).findTls(options)
    : undefined;
  const output = mode.ownsStdout ? io.stderr : io.stdout;
  const stopped = Promise.withResolvers<void>();
  // it may be rejected before anybody waits for it
  stopped.promise.catch(() => {});
  const write = (to: Output, text: string) => {
    try {
      print(to, text)?.catch(stopped.reject);
    } catch (error) {
      stopped.reject(error);
    }
  };
  // reasons and paths may hold what others chose
  const safe = output.isTerminal
    ? (await import("../../lib/cli/terminal.ts")).escapeControls
    : String;
  const log = (event: ServerEvent) =>
    write(output, safe(formatEvent(event, options)));
  const dump = options.dump
    ? (await import("../../lib/net/hexdump.ts")).createDumper((text) =>
      write(io.stderr, text)
    )
    : undefined;
  io.drain();
  io.signal.addEventListener("abort", () => stopped.resolve());
  await using server = await serve({
    ...unix === undefined
      ? { host: options.host, port: options.port }
      : { path: unix },
    ...mode,
    tls,
    maxClients: options.maxClients,
    once: options.once || mode.once === true,
    idleTimeout: idleTimeout === undefined ? undefined : idleTimeout * 1000,
    allow: options.allow,
    deny: options.deny,
    onEvent: log,
    onBytes: dump,
  });
  if (tls) {
    log({
      event: "certificate",
      sha256: tls.sha256,
      ...tls.isOwn && {
        client:
          `${RUNNER}client --tls --pin ${tls.sha256} localhost:${server.port}`,
      },
    });
  }
  const ends = [server.finished, stopped.promise];
  if (mode.background) ends.push(mode.background());
  await Promise.race(ends);
  await server.shutdown(grace * 1000);
  return ExitCode.Ok;
}
