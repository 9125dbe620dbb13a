/**
 * Several calls in one: `get URL URL ITEM...`.
 *
 * @module
 */

import { ExitCode, UsageError } from "../../../lib/cli/errors.ts";
import { ClosedOutput, type Io, printSafe } from "../../../lib/cli/io.ts";
import { isSecret, redactUrl } from "../../../lib/cli/redact.ts";
import type { HttpResponse } from "../../../lib/http/transport.ts";
import type { Item } from "../items.ts";
import type { ExchangeOptions } from "../options.ts";
import type { Asked } from "../url.ts";

/** What is typed for the first of several origins alone: a login, and items whose names sound secret. */
function withoutSecrets(
  call: Asked,
  options: ExchangeOptions,
): { call: Asked; options: ExchangeOptions; withheld: string[] } {
  const isHidden = ({ path: [name] }: Item) => isSecret(name);
  const logins = ["auth", "bearer"] as const;
  return {
    call: {
      ...call,
      items: call.items.filter((item) => !isHidden(item)),
      isElsewhere: true,
    },
    options: { ...options, auth: undefined, bearer: undefined },
    withheld: [
      ...logins.filter((name) => options[name] !== undefined)
        .map((name) => `--${name}`),
      ...call.items.filter(isHidden).map(({ path: [name] }) => name),
    ],
  };
}

/** Tells once whether a call would get a cookie that came with an earlier one. */
function createMissed() {
  const heard: [url: URL, lines: string[]][] = [];
  let isTold = false;
  return {
    hear: (last?: HttpResponse) => {
      for (
        const { request, headers } of last ? [...last.hops ?? [], last] : []
      ) {
        const lines = headers.getSetCookie();
        if (lines.length > 0) heard.push([request.url, lines]);
      }
    },
    isAny: async (url: URL): Promise<boolean> => {
      if (isTold || heard.length === 0) return false;
      const { createCookies } = await import("../../../lib/http/cookies.ts");
      const cookies = createCookies();
      for (const [from, lines] of heard) await cookies.take(from, lines);
      const request = { method: "GET", url, headers: [], typed: [] };
      isTold = (await cookies.add(request)).headers.length > 0;
      return isTold;
    },
  };
}

/**
 * Makes several calls, one after the other, whatever becomes of one: what is secret goes to the origin of the first
 * alone.
 *
 * @param run Makes one of them, and lets the response be heard that came last.
 * @param report Prints an error; gives its exit code.
 * @returns The highest exit code.
 * @throws {UsageError} When the first of them cannot be sent.
 */
export async function runEach(
  calls: readonly Asked[],
  options: ExchangeOptions,
  io: Io,
  run: (
    call: Asked,
    options: ExchangeOptions,
    io: Io,
    hear: (last?: HttpResponse) => void,
  ) => Promise<ExitCode>,
  report: (error: unknown) => Promise<ExitCode>,
): Promise<ExitCode> {
  const isSilent = options.quiet || options.body;
  const printNote = async (text: string) => {
    if (!isSilent) await printSafe(io.stderr, text);
  };
  const missed = createMissed();
  const hasSession = (options.session ?? options.sessionReadOnly) !== undefined;
  const answers = new Map<string, Promise<string | undefined>>();
  // who is asked for a password is asked once
  const askSecret = (question: string) => {
    const answer = answers.get(question) ?? io.askSecret(question);
    answers.set(question, answer);
    return answer;
  };
  const [first] = calls;
  let worst: ExitCode = ExitCode.Ok;
  for (const each of calls) {
    const isOwn = each.url.origin === first?.url.origin;
    const { call, options: own, withheld } = isOwn
      ? { call: each, options, withheld: [] }
      : withoutSecrets(each, options);
    await printNote(`${redactUrl(call.url.href)}\n`);
    if (withheld.length > 0) {
      const names = withheld.join(", ");
      await printNote(`Not sent there: ${names}, for ${first?.url.origin}\n`);
    }
    if (!isSilent && !hasSession && await missed.isAny(call.url)) {
      await printNote(
        "Not sent there: cookies that came before; --session FILE keeps them\n",
      );
    }
    const code = await run(call, own, { ...io, askSecret }, missed.hear).catch(
      (error) => {
        const isUnsent = call === first && error instanceof UsageError;
        if (isUnsent || error instanceof ClosedOutput) throw error;
        return report(error);
      },
    );
    if (code > worst) worst = code;
    if (code >= ExitCode.Interrupted) break;
  }
  return worst;
}
