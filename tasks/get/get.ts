/**
 * What `get` and `post` share: the way from a request to an exit code.
 *
 * @module
 */

import { ExitCode } from "../../lib/cli/errors.ts";
import { type Io, print } from "../../lib/cli/io.ts";
import type { CommandLine } from "../../lib/cli/options.ts";
import type { HttpRequest } from "../../lib/http/request.ts";
import { send, type SendOptions } from "../../lib/http/send.ts";
import type { HttpResponse } from "../../lib/http/transport.ts";
import type { Tools } from "./download/resume.ts";
import { EXCHANGE_OPTIONS, type ExchangeOptions } from "./options.ts";
import { render } from "./view/body.ts";

/** What `get` and `post` say of themselves alike; all but the options is loaded when it is asked for. */
export const EXCHANGE = {
  options: EXCHANGE_OPTIONS,
  hints: async () => (await import("./hints.ts")).EXCHANGE_HINTS,
  permissions: async (line: CommandLine<typeof EXCHANGE_OPTIONS>) =>
    (await import("./hints.ts")).permissionsFor(line),
  redact: async (operand: string) =>
    (await import("./redact.ts")).redactOperand(operand),
};

/** Shows the request, where that is all that was asked for. */
async function showOnly(
  request: HttpRequest,
  options: ExchangeOptions,
  { stdout }: Io,
): Promise<void> {
  if (options.curl) {
    const { curlArgs, formatCurl } = await import("./curl.ts");
    const { showSecrets } = options;
    const extra = curlArgs(request, options);
    const text = `${formatCurl(request, { extra, showSecrets })}\n`;
    const { escapeControls } = await import("../../lib/cli/terminal.ts");
    return await print(stdout, stdout.isTerminal ? escapeControls(text) : text);
  }
  const { printOffline } = await import("./view/head.ts");
  await printOffline(request, stdout, options);
}

/** Sends requests; all of them together may take as long as one. */
function createSender(sending: SendOptions): Tools["send"] {
  const start = performance.now();
  const { total } = sending.timeouts ?? {};
  let isFirst = true;
  return (request) => {
    if (isFirst || !total) {
      isFirst = false;
      return send(request, sending);
    }
    const left = Math.max(1, start + total - performance.now());
    return send(request, {
      ...sending,
      timeouts: { ...sending.timeouts, total: left },
    });
  };
}

/** The options about how a request is sent: what they need is loaded for them alone. */
const POLICIES = [
  ...["follow", "maxRedirects", "maxSize", "retry", "insecure", "ca", "cert"],
  ...["key", "proxy", "unix", "resolve", "ipv4", "ipv6", "http", "time"],
  ...["json", "verbose"],
];

async function policyOf(
  request: HttpRequest,
  options: ExchangeOptions,
  { stderr }: Io,
): Promise<SendOptions> {
  const isPlain = Object.entries(options).every(([name, value]) =>
    !POLICIES.includes(name) || value === undefined || value === false ||
    Array.isArray(value) && value.length === 0
  );
  if (isPlain) return {};
  const { readPolicy } = await import("./policy.ts");
  const time = options.time || options.json && options.http !== "2";
  return await readPolicy({ ...options, time }, request, stderr);
}

/** What changes nothing is tried again by itself. */
function retriesOf({ method }: HttpRequest): number {
  return ["GET", "HEAD", "OPTIONS"].includes(method) ? 2 : 0;
}

/** HTTPie's exit codes, by the class of the status; 304 is what a conditional request hopes for. */
function exitCodeFor({ headers }: HttpRequest, status: number): ExitCode {
  const conditional = headers.some(([name]) => /^if-/i.test(name));
  if (status < 300 || status === 304 && conditional) return ExitCode.Ok;
  if (status < 400) return ExitCode.Redirection;
  return status < 500 ? ExitCode.ClientError : ExitCode.ServerError;
}

/**
 * Sends a request and shows the response.
 *
 * @param request The request.
 * @param options What was asked for on the command line.
 * @param io Where the response is shown.
 * @returns The exit code: 0, or 3, 4 or 5 by the class of the status.
 * @throws {Failure} When there is no whole response.
 */
export async function exchange(
  request: HttpRequest,
  options: ExchangeOptions,
  io: Io,
): Promise<ExitCode> {
  if (options.offline || options.curl) {
    await showOnly(request, options, io);
    return ExitCode.Ok;
  }
  const start = performance.now();
  const { timeout: timeouts } = options;
  const say = async (text: string) => {
    if (options.quiet || options.body) return;
    const { escapeControls } = await import("../../lib/cli/terminal.ts");
    await print(io.stderr, io.stderr.isTerminal ? escapeControls(text) : text);
  };
  const retry = options.retry ?? retriesOf(request);
  const policy = await policyOf(request, options, io);
  const notice = (text: string) =>
    void (io.stderr.isTerminal && say(`${text}\n`));
  const sender = createSender({ ...policy, timeouts, retry, notice });
  let last: HttpResponse | undefined;
  const send = async (request: HttpRequest) => last = await sender(request);
  const sayTimings = async () => {
    if (!options.time) return;
    const { formatTimings } = await import("./view/record.ts");
    await say(`${formatTimings(last?.timings ?? {})}\n`);
  };
  const tools = { request, send, say, retry };
  if (options.verbose) {
    const { printRequest } = await import("./view/head.ts");
    await printRequest(request, io.stderr, options);
  }
  if (options.output !== undefined || options.remoteName) {
    const { save, targetOf } = await import("./download/save.ts");
    const target = targetOf(request.url, options);
    if (target !== undefined) {
      const { idle } = timeouts;
      const status = await save(target, io, { ...options, ...tools, idle });
      await sayTimings();
      return exitCodeFor(request, status);
    }
  }
  await using response = await send(request);
  if (options.json) {
    const { printJson } = await import("./view/json_output.ts");
    await printJson(response, io, { ...options, start });
  } else {
    const resume = async (error: unknown, received: number) =>
      (await import("./download/resume.ts")).resume(
        response,
        received,
        error,
        tools,
      );
    await render(response, io, { ...options, resume });
  }
  await sayTimings();
  return exitCodeFor(response.request, response.status);
}
