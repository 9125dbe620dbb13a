import type { Permissions } from "../../lib/cli/definition.ts";
import type { Options } from "../../lib/cli/options.ts";
import { splitType } from "./body/file.ts";
import type { EXCHANGE_OPTIONS } from "./options.ts";
import { parseTarget } from "./url.ts";

/** What the users of curl, HTTPie and wget type, and what to type here. */
export const EXCHANGE_HINTS: Readonly<Record<string, string>> = {
  "-d": "fields are operands: post URL title=foo userId:=1",
  "--data": "fields are operands: post URL title=foo userId:=1",
  "--data-raw": "fields are operands: post URL title=foo userId:=1",
  "--data-urlencode": "fields are operands: post -f URL title=foo",
  "--data-binary": "a body is an operand: post URL @FILE, or - for stdin",
  "--post-data": "fields are operands: post -f URL title=foo",
  "-F": "a form with a file: post -f URL title=foo picture@FILE",
  "--multipart": "a form with a file: post -f URL title=foo picture@FILE",
  "-j": "JSON is what post sends already: post URL title=foo",
  "-T": "a file is an operand: post -X PUT URL @FILE",
  "--upload-file": "a file is an operand: post -X PUT URL @FILE",
  "--request": "the method: -X METHOD",
  "-u": "credentials are --auth USER, or --auth @FILE",
  "--user": "credentials are --auth USER, or --auth @FILE",
  "-n": "credentials are --auth USER, or --auth @FILE",
  "-G": "the query is operands: get URL name==value",
  "-H": "headers are operands: get URL Accept:text/plain",
  "--header": "headers are operands: get URL Accept:text/plain",
  "--headers": "for the headers alone: get -X HEAD -i URL",
  "-A": "headers are operands: get URL User-Agent:me",
  "--user-agent": "headers are operands: get URL User-Agent:me",
  "-e": "headers are operands: get URL Referer:URL",
  "--cookie": "headers are operands: get URL Cookie:name=value",
  "--cookie-jar": "no cookies are kept: get URL Cookie:name=value",
  "--session": "no cookies are kept: get URL Cookie:name=value",
  "--session-read-only": "no cookies are kept: get URL Cookie:name=value",
  "--load-cookies": "no cookies are kept: get URL Cookie:name=value",
  "--save-cookies": "no cookies are kept: get URL Cookie:name=value",
  "-r": "headers are operands: get URL Range:bytes=0-99",
  "-I": "for the headers alone: get -X HEAD -i URL",
  "--head": "for the headers alone: get -X HEAD -i URL",
  "-S": "headers and body: get -i URL",
  "-D": "headers and body: get -i URL",
  "-p": "parts of it: -i, -b or -v",
  "--print": "parts of it: -i, -b or -v",
  "-L": "safe redirects are followed already",
  "--location": "safe redirects are followed already",
  "--max-redirs": "at most N: --max-redirects N",
  "--fail": "a status of 400 or more exits 4 or 5 already",
  "--check-status": "a status of 400 or more exits 4 or 5 already",
  "-s": "there is nothing to silence but the status line: -q",
  "--silent": "there is nothing to silence but the status line: -q",
  "-N": "what comes is shown as it comes already",
  "--no-buffer": "what comes is shown as it comes already",
  "--stream": "what comes is shown as it comes already",
  "--compressed": "compressed bodies are asked for and decoded already",
  "--download": "into a file of the URL's name: get -O URL",
  "-C": "after what is there: get -c -O URL",
  "--continue-at": "after what is there: get -c -O URL",
  "-J": "the name comes from the URL alone: get -O URL",
  "--content-disposition": "the name comes from the URL alone: get -O URL",
  "--output-document": "into a file: get -o FILE URL",
  "-P": "into a file: get -o FOLDER/FILE URL",
  "--url": "the URL is an operand: get URL",
  "-w": "how long it took: --time, or --json",
  "--write-out": "how long it took: --time, or --json",
  "-m": "for all of it: --timeout HEAD,IDLE,TOTAL",
  "--max-time": "for all of it: --timeout HEAD,IDLE,TOTAL",
  "--connect-timeout": "up to the head of the answer: --timeout HEAD",
  "--max-filesize": "at most so many bytes: --max-size BYTES",
  "--tries": "try again N times: --retry N",
  "-x": "through a proxy: --proxy URL",
  "-E": "a certificate: --cert FILE --key FILE",
  "--cacert": "an authority: --ca FILE",
  "--ca-certificate": "an authority: --ca FILE",
  "--verify": "an authority: --ca FILE; none at all: -k",
  "--no-check-certificate": "any certificate: -k",
  "--unix-socket": "a socket: --unix PATH",
  "--http1.1": "the version: --http=1.1",
  "--http2": "the version: --http=2",
  "--trace": "what is sent and what comes: -v",
};

/** The operands of a command line, with its options. */
export interface PermissionsLine {
  /** The operands. */
  readonly operands: readonly string[];
  /** The options. */
  readonly options?: Partial<Options<typeof EXCHANGE_OPTIONS>>;
}

/** The file of `@FILE`. */
function fileOf(text: string | undefined = ""): string[] {
  return /^@./.test(text) ? [text.slice(1)] : [];
}

/**
 * Finds the hosts and files that a command line needs.
 *
 * @throws {UsageError} When an operand is malformed.
 */
export async function permissionsFor(
  { operands, options = {} }: PermissionsLine,
): Promise<Permissions> {
  const { url, fields, raw } = await parseTarget(operands);
  const { networkPermissions } = await import("./network.ts");
  const { savedFiles } = await import("./download/save.ts");
  const { net = [], read = [], write = [] } = networkPermissions(options);
  const saved = savedFiles(url, options);
  const sent = fields.flatMap(({ kind, value }) =>
    kind === "file" ? splitType(value).path : /File$/.test(kind) ? value : []
  );
  return {
    net: [url.hostname, ...net],
    read: [
      ...fileOf(raw).map((text) => splitType(text).path),
      ...sent,
      ...[options.auth, options.bearer].flatMap(fileOf),
      ...read,
      ...saved,
    ],
    write: [...write, ...saved],
  };
}
