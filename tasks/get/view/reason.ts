/**
 * Why a response is as it is, where it says so: in headers of hark's own api, in a problem (RFC 9457), and as most
 * other APIs do.
 *
 * @module
 */

import { percentDecode } from "../../../lib/cli/values.ts";
import { textOfHeader } from "./charset.ts";

/** The fields of an object, by their names in lower case; undefined of what is none. */
function fieldsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? new Map(
      Object.entries(value).map(([name, own]) => [name.toLowerCase(), own]),
    )
    : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // a response that is no JSON says no more than its status
    return undefined;
  }
}

/** Where a problem says why, then where most other APIs do, in any case. */
const REASONS = [
  "detail",
  "title",
  "message",
  "error_description",
  "error",
  "errors",
  "msg",
];

function reasonIn(value: unknown): string | undefined {
  if (typeof value === "string") return value || undefined;
  if (Array.isArray(value)) return reasonIn(value[0]);
  const fields = fieldsOf(value);
  return REASONS.map((name) => fields && reasonIn(fields.get(name)))
    .find((reason) => reason !== undefined);
}

/** The reason that the JSON of a response gives; nothing where it gives none. */
export function detailOf(text: string): string | undefined {
  const problem = parse(text);
  return fieldsOf(problem) && reasonIn(problem);
}

/** A key of a query that changed nothing, and the one that was most likely meant. */
interface IgnoredKey {
  readonly key: string;
  readonly meant: string | undefined;
}

const MEANT = "did-you-mean=";

/** Reads the `X-Ignored-Query` header, as another api wrote it. */
export function parseIgnored(header: string): IgnoredKey[] {
  const parts = header.split(",").map((part) => part.trim());
  return parts.filter((part) => part !== "").map((part) => {
    const [key = "", ...more] = part.split(";").map((text) => text.trim());
    const meant = more.find((text) => text.startsWith(MEANT));
    // whoever else writes the header may not encode it
    const decode = (text: string) => percentDecode(text) ?? text;
    return {
      key: decode(key),
      meant: meant && decode(meant.slice(MEANT.length)),
    };
  });
}

/** Of a reason so many characters are told. */
export const LONGEST_REASON = 500;

function inOneLine(name: string, text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line === "" ? "" : `${name}: ${line.slice(0, LONGEST_REASON)}\n`;
}

/** What the head of a response says about why, a line each: the reason, and what of the query was ignored. */
export function linesOfHead(headers: Headers): string {
  const ignored = parseIgnored(headers.get("x-ignored-query") ?? "")
    .map(({ key, meant }) => meant ? `${key}; did you mean ${meant}?` : key);
  return inOneLine("reason", textOfHeader(headers.get("x-reason") ?? "")) +
    inOneLine("ignored", ignored.join(", "));
}

/** A longer problem is not read: it is printed all the same. */
const LONGEST_PROBLEM = 64 * 1024;

/** Reads a problem while its bytes are printed. */
export function createProblemReader(): {
  readonly add: (bytes: Uint8Array) => void;
  /** Its title and detail in one line. */
  readonly line: () => string;
} {
  const decoder = new TextDecoder();
  let [text, length] = ["", 0];
  return {
    add(bytes) {
      length += bytes.length;
      text = length > LONGEST_PROBLEM
        ? ""
        : text + decoder.decode(bytes, { stream: true });
    },
    line() {
      const fields = fieldsOf(parse(text));
      const said = ["title", "detail"].map((name) => fields?.get(name))
        .filter((value) => typeof value === "string" && value !== "");
      return inOneLine("reason", said.join(": "));
    },
  };
}
