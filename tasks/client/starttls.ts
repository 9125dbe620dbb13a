/**
 * STARTTLS: how a server that begins in plain is asked for TLS.
 *
 * @module
 */

import { ExitCode, Failure } from "../../lib/cli/errors.ts";
import { type Socket, writeAll } from "../../lib/net/connection.ts";
import type { Starttls } from "./options.ts";

/** The most that a server may say at a time, in bytes. */
const LONGEST = 16 * 1024;

/** What is sent, what a whole reply looks like, and one that goes on. */
type Step = readonly [command: string, whole: RegExp, good: RegExp];

const LINE = /^[^\n]*\n/;
/** Some lines, and one that is the last. */
const SMTP = /^(\d{3}-[^\n]*\n)*(?!\d{3}-)[^\n]*\n/;
const IMAP = /^(\* [^\n]*\n)*(?!\* )[^\n]*\n/;

/** RFC 3207, RFC 9051 section 6.2.1, RFC 2595 section 4, and PostgreSQL's SSLRequest. */
const STEPS: Readonly<Record<Starttls, readonly Step[]>> = {
  smtp: [
    ["", SMTP, /^220(?!-)/m],
    ["EHLO [127.0.0.1]\r\n", SMTP, /^250[- ]STARTTLS\s/im],
    ["STARTTLS\r\n", SMTP, /^220(?!-)/m],
  ],
  // who is greeted as somebody already (PREAUTH) may not ask for TLS any more
  imap: [["", LINE, /^\* OK\s/i], ["a STARTTLS\r\n", IMAP, /^a OK\s/im]],
  pop3: [["", LINE, /^\+OK/], ["STLS\r\n", LINE, /^\+OK/]],
  postgres: [["\0\0\0\b\x04\xd2\x16\x2f", /^[^]/, /^S/]],
};

/** Reads until a reply is whole. What comes with it is not the server's: it must wait for its turn, or for TLS. */
async function readReply(socket: Socket, whole: RegExp) {
  const buffer = new Uint8Array(1024);
  for (let text = ""; text.length <= LONGEST;) {
    const count = await socket.read(buffer);
    if (count === null) {
      const code = ExitCode.CutShort;
      throw new Failure("the server closed the connection before TLS", {
        code,
      });
    }
    text += String.fromCharCode(...buffer.subarray(0, count));
    const [reply] = text.match(whole) ?? [];
    if (reply) return { text, isAlone: reply === text };
  }
  throw new Failure("the server says too much before TLS");
}

/**
 * Makes what asks a server for TLS; the next byte is TLS's.
 *
 * It throws a {@linkcode Failure} when TLS is not offered, or bytes came that nobody asked for: whoever stands between
 * may have sent them.
 */
export function createRequest(
  name: Starttls,
): (socket: Socket) => Promise<void> {
  return async (socket) => {
    for (const [command, whole, good] of STEPS[name]) {
      await writeAll(socket, Uint8Array.from(command, (c) => c.charCodeAt(0)));
      const { text, isAlone } = await readReply(socket, whole);
      const [said = ""] = text.match(/^[^\r\n]{1,200}/) ?? [];
      if (!good.test(text)) {
        throw new Failure(
          command === ""
            ? `the server does not greet as ${name} does: ${said}`
            : "the server does not offer STARTTLS" +
              (/^(250|N$)/.test(text) ? "" : `: ${said}`),
        );
      }
      if (!isAlone) {
        throw new Failure("bytes came before TLS that nobody had asked for");
      }
    }
  };
}
