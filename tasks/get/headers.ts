/**
 * The headers of a request: as they were typed, and who asks.
 *
 * @module
 */

import { Failure, UsageError } from "../../lib/cli/errors.ts";
import type { Io } from "../../lib/cli/io.ts";
import { percentDecode } from "../../lib/cli/values.ts";
import {
  type Header,
  type HttpRequest,
  parseToken,
  toByteString,
} from "../../lib/http/request.ts";
import { formatBasic } from "../../lib/net/proxy.ts";
import type { Item } from "./items.ts";

/** Reads a header item; RFC 9110, section 5.5, allows no control character in a value, and no blanks around it. */
function parseHeader({ path: [name], value }: Item): Header {
  parseToken("header name", name);
  if (/^(content-length|transfer-encoding)$/i.test(name)) {
    throw new UsageError(
      `Cannot send header "${name}": the body says how long it is`,
    );
  }
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
    throw new UsageError(
      `Cannot send header "${name}": its value has a control character`,
    );
  }
  return [name, toByteString(value)];
}

/**
 * Reads header items: one without a value leaves its name out, one whose value is blank is sent empty.
 *
 * @param items Items; those that are no headers are skipped.
 * @returns What is sent, which names were given, and which of them are not to be sent at all.
 * @throws {UsageError} When a header cannot be sent.
 */
export function readHeaders(
  items: readonly Item[],
): Required<Pick<HttpRequest, "headers" | "typed" | "unset">> {
  const given = items.filter(({ kind }) => kind === "header").map(parseHeader);
  const sent = given.filter(([, value]) => value !== "");
  const namesOf = (headers: readonly Header[]) =>
    new Set(headers.map(([name]) => name.toLowerCase()));
  return {
    headers: sent.map(([name, value]): Header => [
      name,
      value.replace(/^[ \t]+|[ \t]+$/g, ""),
    ]),
    typed: [...namesOf(given)],
    unset: [...namesOf(given).difference(namesOf(sent))],
  };
}

/** Where credentials are asked for. */
export interface AuthOptions {
  /** `USER:PASSWORD`, `USER`, whose password is asked for, or `@FILE` that holds one of them. */
  readonly auth?: string | undefined;
  /** A token, or `@FILE` that holds one. */
  readonly bearer?: string | undefined;
}

/** What was typed or, of `@FILE`, what the file's first line says: a secret need not stand on a command line. */
async function secretOf(text: string): Promise<string> {
  if (!text.startsWith("@")) return text;
  const { readText } = await import("./body/file.ts");
  return (await readText(text.slice(1))).replace(/\r?\n$/, "");
}

async function passwordFor(
  user: string,
  { host }: URL,
  io: Pick<Io, "askSecret">,
): Promise<string> {
  const password = await io.askSecret(`Password of ${user} at ${host}:`);
  if (password !== undefined) return password;
  throw new UsageError(
    `Cannot ask for the password of "${user}": there is no terminal`,
    { hint: "--auth @FILE reads user:password from a file" },
  );
}

function basicOf(user: string, password: string): string {
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f]/.test(user + password)) {
    throw new Failure(
      "Cannot send the user and the password: a control character is in them",
    );
  }
  return formatBasic(user, password);
}

/**
 * The value of the Authorization header: of the options, else of the user and password in the URL.
 *
 * @param url Where the request goes.
 * @param io Where a missing password is asked for.
 * @param options What was given on the command line.
 * @throws {UsageError} When both are given, or a password is missing and nobody can be asked.
 * @throws {Failure} When a file cannot be read, or what it says cannot be sent.
 */
export async function formatAuthorization(
  url: URL,
  io: Pick<Io, "askSecret">,
  { auth, bearer }: AuthOptions = {},
): Promise<string | undefined> {
  if (bearer !== undefined) {
    const token = await secretOf(bearer);
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new (bearer.startsWith("@") ? Failure : UsageError)(
        "Cannot send the bearer token: expected letters, digits and signs, without spaces",
      );
    }
    return `Bearer ${token}`;
  }
  if (auth === "") {
    throw new UsageError(
      "Cannot log in: expected USER, USER:PASSWORD or @FILE",
    );
  }
  if (auth !== undefined) {
    const [, user = "", password] =
      (await secretOf(auth)).match(/^([^:]*)(?::([^]*))?$/) ?? [];
    return basicOf(user, password ?? await passwordFor(user, url, io));
  }
  const { username, password } = url;
  if (username === "" && password === "") return undefined;
  return basicOf(
    percentDecode(username) ?? username,
    percentDecode(password) ?? password,
  );
}
