/**
 * Who logs in: out of the options, of files that they name, of the URL, or as somebody at the terminal says.
 *
 * @module
 */

import { Failure, UsageError } from "../../../lib/cli/errors.ts";
import type { Io } from "../../../lib/cli/io.ts";
import { percentDecode } from "../../../lib/cli/values.ts";
import { formatBasic } from "../../../lib/net/proxy.ts";
import type { ExchangeOptions } from "../options.ts";

/** The options that log in. */
type LoginOptions = Partial<
  Pick<ExchangeOptions, "auth" | "bearer" | "netrc">
>;

/** A user with a password, or a token. */
export type Login =
  | {
    readonly user: string;
    readonly password: string;
    /** Whether the password is proven, not sent. */
    readonly digest?: boolean | undefined;
    /** What is to be said of where it comes from. */
    readonly warning?: string | undefined;
  }
  | { readonly token: string };

/** Whether a login proves its password, and does not send it. */
export const isProven = (login: Login): boolean =>
  "user" in login && login.digest === true;

/** What was typed or, of `@FILE`, what the file holds: a secret need not stand on a command line. */
async function secretOf(text: string): Promise<string> {
  if (!text.startsWith("@")) return text;
  const { readValue } = await import("../body/file.ts");
  return await readValue(text.slice(1));
}

/** @param who The user, or the file that has it: what a file holds is not shown. */
async function passwordFor(
  who: string,
  { host }: URL,
  io: Pick<Io, "askSecret">,
): Promise<string> {
  const password = await io.askSecret(`Password of ${who} at ${host}:`);
  if (password !== undefined) return password;
  const isFile = who.startsWith("@");
  throw new UsageError(
    `Cannot ask for the password of "${who}": there is no terminal`,
    {
      hint: isFile
        ? "the file has a user alone: write user:password into it"
        : "--auth @FILE reads user:password from a file",
    },
  );
}

/**
 * Reads who logs in: of the options, else the user and password in the URL. `auth` is `USER:PASSWORD`, `USER`, whose
 * password is asked for, or `@FILE` that holds one of them; `bearer` a token or `@FILE`; `netrc` a file that has the
 * passwords that were not typed.
 *
 * @throws {UsageError} When one cannot be sent, or a password is missing and nobody can be asked.
 * @throws {Failure} When a file cannot be read, or what it says cannot be sent.
 */
export async function readLogin(
  url: URL,
  io: Pick<Io, "askSecret">,
  { auth, bearer, netrc }: LoginOptions,
): Promise<Login | undefined> {
  if (bearer !== undefined) {
    const token = await secretOf(bearer);
    if (/^[\x21-\x7e]+$/.test(token)) return { token };
    if (token === "" && bearer !== "") {
      throw new Failure(`Cannot send the bearer token: "${bearer}" is empty`);
    }
    throw new (bearer.startsWith("@") ? Failure : UsageError)(
      "Cannot send the bearer token: expected letters, digits and signs, without spaces",
    );
  }
  if (auth === "") {
    throw new UsageError(
      "Cannot log in: expected USER, USER:PASSWORD or @FILE",
    );
  }
  const find = async (user?: string) =>
    netrc === undefined
      ? undefined
      : await (await import("./netrc.ts")).readNetrc(netrc, url, user);
  if (auth !== undefined) {
    const login = await secretOf(auth);
    if (login === "") throw new Failure(`Cannot log in: "${auth}" is empty`);
    const [, user = "", password] = login.match(/^([^:]*)(?::([^]*))?$/) ?? [];
    const who = auth.startsWith("@") ? auth : user;
    if (password !== undefined) return { user, password };
    return await find(user) ??
      { user, password: await passwordFor(who, url, io) };
  }
  const { username, password } = url;
  if (username === "" && password === "") return await find();
  const user = percentDecode(username) ?? username;
  return password === "" && await find(user) ||
    { user, password: percentDecode(password) ?? password };
}

/**
 * The value of the Authorization header for a login.
 *
 * @throws {Failure} When the user or the password cannot be sent.
 */
export function formatAuthorization(login: Login): string {
  if ("token" in login) return `Bearer ${login.token}`;
  const { user, password } = login;
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f]/.test(user + password)) {
    throw new Failure(
      "Cannot send the user and the password: a control character is in them",
    );
  }
  return formatBasic(user, password);
}
