/**
 * A request that is shown instead of sent: as its bytes, or as a command of curl.
 *
 * @module
 */

import {
  createSafeDecoder,
  type Io,
  type Output,
  print,
  printSafe,
} from "../../../lib/cli/io.ts";
import { type HttpRequest, latin1 } from "../../../lib/http/request.ts";
import type { Proxy } from "../../../lib/net/proxy.ts";
import type { Login } from "../auth/login.ts";
import type { Download } from "../download/resume.ts";
import type { ExchangeOptions } from "../options.ts";
import { createPartRedactor, hiddenIn, redactRequest } from "../redact.ts";
import type { Operands } from "../url.ts";
import { requestLines } from "./head.ts";

/** `--curl` and `--offline`: prints the request instead of sending it. */
export async function printUnsent(
  request: HttpRequest,
  { fields }: Operands,
  options: ExchangeOptions,
  { stdout }: Io,
  printNote: Download["printNote"],
  login: Login | undefined,
): Promise<void> {
  const who = options.digest && login && "user" in login
    ? options.showSecrets ? `${login.user}:${login.password}` : "***"
    : "";
  if (options.curl) {
    const { formatCurl } = await import("../curl.ts");
    const command = await formatCurl(request, options, fields, who);
    await printSafe(stdout, `${command}\n`);
  } else {
    const { parseProxy } = await import("../../../lib/net/proxy.ts");
    const proxy = options.proxy ? parseProxy(options.proxy, true) : undefined;
    await printOffline(request, stdout, options.showSecrets, proxy);
    if (who !== "") {
      await printNote(
        "not shown: the login, which the server's challenge makes\n",
      );
    }
  }
  if (options.showSecrets) return;
  // curl reads the file itself
  const isNamed = options.curl && request.body?.path !== undefined;
  const shown = isNamed ? { ...request, body: undefined } : request;
  const names = [
    ...options.curl && who !== "" ? ["the login"] : [],
    ...hiddenIn(shown, fields, options.curl ? options.proxy : ""),
  ];
  if (names.length === 0) return;
  await printNote(`hidden: ${names.join(", ")}; --show-secrets\n`);
}

/**
 * Prints the bytes of a request: its head, and its body as it is sent. A terminal obeys none of them.
 *
 * @throws {Failure} When a file of its body cannot be read.
 */
async function printOffline(
  request: HttpRequest,
  output: Output,
  showSecrets?: boolean,
  proxy?: Proxy,
): Promise<void> {
  const decode = createSafeDecoder();
  const write = (bytes: Uint8Array) =>
    output.isTerminal ? print(output, decode(bytes)) : output.write(bytes);
  const writeText = (text: string) => write(new TextEncoder().encode(text));
  const printed = redactRequest(request, showSecrets, proxy);
  const { body } = request;
  await write(latin1(`${requestLines(printed).join("\r\n")}\r\n`));
  if (printed.body !== undefined) await writeText(printed.body);
  else if (printed.bytes !== undefined) await write(printed.bytes);
  else if (body !== undefined) {
    const isChunked = body.length === undefined;
    const redact = showSecrets || body.path !== undefined || !body.again
      ? (piece: Uint8Array) => piece
      : createPartRedactor();
    for await (const chunk of body.open()) {
      if (isChunked) await writeText(`${chunk.length.toString(16)}\r\n`);
      await write(redact(chunk));
      if (isChunked) await writeText("\r\n");
    }
    if (isChunked) await writeText("0\r\n\r\n");
  }
  if (output.isTerminal) await print(output, `${decode()}\n`);
}
