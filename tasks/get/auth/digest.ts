/**
 * Digest (RFC 7616): who logs in proves to know the password, and does not send it.
 *
 * @module
 */

import { encodeHex } from "@std/encoding/hex";
import { targetOf } from "../../../lib/http/http1/request.ts";
import {
  type Body,
  type HttpRequest,
  latin1,
  toByteString,
} from "../../../lib/http/request.ts";
import type { SendOptions } from "../../../lib/http/send.ts";
import type { TransportResponse } from "../../../lib/http/transport.ts";

/** A challenge, or a login (RFC 9110, section 11.4): its scheme, and its parameters by their names, both in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Reads the challenges of a WWW-Authenticate header, of one line or of several that are joined. As for curl, a comma
 * may be missing; what is neither a scheme nor a parameter is passed over.
 *
 * @example Two challenges in one line
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const [basic, digest] = parseChallenges('Basic realm="a, b", Digest realm="\\"c\\"", qop=auth');
 * assertEquals(basic?.scheme, "basic");
 * assertEquals(digest?.parameters.get("realm"), '"c"');
 * ```
 */
export function parseChallenges(text: string): Challenge[] {
  const part =
    /[\s,]*(?:([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\[^])*)"?|([^\s,"=][^\s,]*))|([\w!#$%&'*+.^`|~-]+)(?=[\s,]|$)|[^\s,]+)/y;
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  for (let found = part.exec(text); found; found = part.exec(text)) {
    const [, name, quoted, plain, scheme] = found;
    if (scheme !== undefined) {
      challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    } else if (name !== undefined) {
      const value = plain ?? (quoted ?? "").replace(/\\([^])/g, "$1");
      challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
    }
  }
  return challenges;
}

/** How far MD5 turns in each of its rounds, and what it adds in each of its steps (RFC 1321, section 3.4). */
const TURNS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
];
const ADDED = Array.from(
  { length: 64 },
  (_, step) => Math.floor(Math.abs(Math.sin(step + 1)) * 2 ** 32),
);

/** MD5 in hexadecimal digits. WebCrypto has none, and node:crypto takes 25 ms to load. */
export function md5(bytes: Uint8Array): string {
  const padded = new Uint8Array(((bytes.length + 8 >> 6) + 1) << 6);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, bytes.length << 3, true);
  view.setUint32(padded.length - 4, bytes.length >>> 29, true);
  const sum = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let block = 0; block < padded.length; block += 64) {
    let [a = 0, b = 0, c = 0, d = 0] = sum;
    for (const [step, added] of ADDED.entries()) {
      const round = step >> 4;
      const mixed = [b & c | ~b & d, d & b | ~d & c, b ^ c ^ d, c ^ (b | ~d)];
      const word = [step, 5 * step + 1, 3 * step + 5, 7 * step][round] ?? 0;
      const whole = a + (mixed[round] ?? 0) + added +
        view.getUint32(block + word % 16 * 4, true);
      const turn = TURNS[round]?.[step % 4] ?? 0;
      [a, b, c, d] = [d, b + (whole << turn | whole >>> 32 - turn) | 0, b, c];
    }
    for (const [at, part] of [a, b, c, d].entries()) {
      sum[at] = (sum[at] ?? 0) + part;
    }
  }
  return encodeHex(sum.buffer);
}

type Hash = (bytes: Uint8Array<ArrayBuffer>) => string | Promise<string>;

/** The hashes by their names, the strongest first. */
const HASHES: readonly (readonly [name: string, hash: Hash])[] = [
  ["sha-512-256", async (bytes) => {
    const { createHash } = await import("node:crypto");
    return createHash("sha512-256").update(bytes).digest("hex");
  }],
  [
    "sha-256",
    async (bytes) => encodeHex(await crypto.subtle.digest("SHA-256", bytes)),
  ],
  ["md5", md5],
];

/** A challenge that can be answered, and what has been answered. */
export interface DigestSession {
  readonly parameters: Challenge["parameters"];
  readonly hash: Hash;
  /** `auth`, `auth-int`, or nothing, as RFC 2069 has it. */
  readonly qop: string | undefined;
  readonly nonce: string;
  /** Ours, the same for one nonce: a server may keep what -sess makes of it. */
  readonly cnonce: string;
  /** How many requests had this nonce. */
  readonly count: number;
}

/** Finds the strongest of the challenges that can be answered for a body. */
function chooseChallenge(
  response: TransportResponse,
  body: Body | undefined,
): DigestSession | undefined {
  const text = response.headers.get("www-authenticate") ?? "";
  const digests = parseChallenges(text)
    .filter(({ scheme }) => scheme === "digest");
  for (const [name, hash] of HASHES) {
    for (const { parameters } of digests) {
      const algorithm = parameters.get("algorithm")?.toLowerCase() ?? "md5";
      if (algorithm.replace(/-sess$/, "") !== name) continue;
      const offered = parameters.get("qop")?.toLowerCase().match(/[^\s,]+/g);
      const isHeld = body === undefined || body.bytes !== undefined;
      const qop = (isHeld ? ["auth", "auth-int"] : ["auth"])
        .find((qop) => offered?.includes(qop));
      const nonce = parameters.get("nonce");
      if (nonce === undefined || offered && qop === undefined) continue;
      const cnonce = encodeHex(
        crypto.getRandomValues(new Uint8Array(16)).buffer,
      );
      return { parameters, hash, qop, nonce, cnonce, count: 0 };
    }
  }
}

const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** The user as a parameter has it: hashed, or beyond ASCII as RFC 8187 has it, where the server knows that. */
function formatUser(user: string, bytes: string, isUtf8: boolean): string {
  // deno-lint-ignore no-control-regex
  if (!isUtf8 || /^[\x00-\x7f]*$/.test(user)) {
    return `username=${quoted(bytes)}`;
  }
  const encoded = encodeURIComponent(user).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `username*=UTF-8''${encoded}`;
}

/** The value of the Authorization header for a request (RFC 7616, section 3.4), with the parameters in the order of the RFC. */
export async function formatDigest(
  login: { readonly user: string; readonly password: string },
  request: HttpRequest,
  { parameters, hash, qop, nonce, cnonce, count }: DigestSession,
): Promise<string> {
  const isUtf8 = /^utf-8$/i.test(parameters.get("charset") ?? "");
  const normal = (text: string) => isUtf8 ? text.normalize("NFC") : text;
  const user = normal(login.user);
  const userBytes = toByteString(user);
  const digest = (...parts: string[]) => hash(latin1(parts.join(":")));
  const [realm = "", algorithm, opaque] = ["realm", "algorithm", "opaque"]
    .map((name) => parameters.get(name));
  const hasSession = isSession(parameters);
  const isHashed = /^true$/i.test(parameters.get("userhash") ?? "");
  const uri = targetOf(request);
  const nc = count.toString(16).padStart(8, "0");
  const secret = await digest(
    userBytes,
    realm,
    toByteString(normal(login.password)),
  );
  const key = hasSession ? await digest(secret, nonce, cnonce) : secret;
  const asked = await digest(
    request.method,
    uri,
    ...qop === "auth-int"
      ? [await hash(request.body?.bytes ?? new Uint8Array())]
      : [],
  );
  const proof = qop === undefined
    ? await digest(key, nonce, asked)
    : await digest(key, nonce, nc, cnonce, qop, asked);
  const username = isHashed
    ? `username=${quoted(await digest(userBytes, realm))}`
    : formatUser(user, userBytes, isUtf8);
  return `Digest ${
    [
      username,
      `realm=${quoted(realm)}`,
      `uri=${quoted(uri)}`,
      ...algorithm === undefined ? [] : [`algorithm=${algorithm}`],
      `nonce=${quoted(nonce)}`,
      ...qop === undefined ? [] : [`nc=${nc}`],
      ...qop === undefined && !hasSession ? [] : [`cnonce=${quoted(cnonce)}`],
      ...qop === undefined ? [] : [`qop=${qop}`],
      `response=${quoted(proof)}`,
      ...opaque === undefined ? [] : [`opaque=${quoted(opaque)}`],
      ...isHashed ? ["userhash=true"] : [],
    ].join(", ")
  }`;
}

/** What goes out in place of a body as long as it is not known whether a login is wanted; it can be sent again. */
const EMPTY: Body = {
  length: 0,
  bytes: new Uint8Array(),
  open: () => new Blob().stream(),
  again: true,
};

/** Whether a response to an empty body says nothing of the real one: that was not sent yet, and has to be. */
function isForEmpty(status: number, method: string): boolean {
  // a redirect that keeps the body leads the empty one on
  if (status < 300 || status === 303) return true;
  if (status < 400) return status < 303 && method === "POST";
  return [400, 411, 415, 422].includes(status);
}

const isSession = (parameters: Challenge["parameters"]) =>
  /-sess$/i.test(parameters.get("algorithm") ?? "");

/** The session with the nonce that a server wants next; -sess stays with the one that its key is made of. */
function renew(
  session: DigestSession,
  { headers }: TransportResponse,
): DigestSession {
  const info = headers.get("authentication-info") ?? "";
  const [told] = parseChallenges(`Digest ${info}`);
  const nonce = told?.parameters.get("nextnonce");
  return nonce && !isSession(session.parameters)
    ? { ...session, nonce, count: 0 }
    : session;
}

/**
 * Logs in with Digest to one origin. Each call of what it gives is for one chain of redirects, and all of them know
 * the nonce. A chain that has left the origin logs in no more.
 */
export function createDigest(
  login: { readonly user: string; readonly password: string },
  origin: string,
): () => Required<Pick<SendOptions, "sign" | "answer">> {
  let session: DigestSession | undefined;
  // a nonce that was taken before may be refused for its age alone
  let isAccepted = false;
  return () => {
    let held: Body | undefined;
    let isWanted = true;
    let isAway = false;
    let isRenewed = false;
    const whole = (request: HttpRequest) =>
      request.body === EMPTY ? { ...request, body: held } : request;
    /** What is sent in place of a response, that another one comes. */
    const answerTo = (
      response: TransportResponse,
      request: HttpRequest,
    ): HttpRequest | undefined => {
      if (isAway) return;
      const isEmpty = request.body === EMPTY;
      const full = whole(request);
      if (response.status !== 401) {
        isRenewed = false;
        if (session !== undefined) {
          isAccepted = true;
          session = renew(session, response);
        }
        if (!isEmpty || !isForEmpty(response.status, request.method)) return;
        isWanted = false;
        return full;
      }
      // a body that can be sent only once is gone
      if (!isEmpty && full.body?.again === false) return;
      const next = chooseChallenge(response, full.body);
      if (next === undefined) return;
      if (session !== undefined) {
        const isStale = /^true$/i.test(next.parameters.get("stale") ?? "");
        if (isRenewed || next.nonce === session.nonce) return;
        if (!isStale && !isAccepted) return;
        isRenewed = true;
      }
      session = next;
      isAccepted = false;
      return full;
    };
    return {
      sign: async (request) => {
        isAway ||= request.url.origin !== origin;
        if (isAway) return whole(request);
        if (session !== undefined) {
          session = { ...session, count: session.count + 1 };
          const full = whole(request);
          const value = await formatDigest(login, full, session);
          const others = full.headers.filter(([name]) =>
            !/^authorization$/i.test(name)
          );
          return { ...full, headers: [["authorization", value], ...others] };
        }
        if (request.body === undefined || !isWanted) return request;
        if (request.body !== EMPTY) held = request.body;
        return { ...request, body: EMPTY };
      },
      answer: (response, request) =>
        Promise.resolve(answerTo(response, request)),
    };
  };
}
