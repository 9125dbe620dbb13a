/**
 * What must not be shown again: which names sound secret, and where URLs and texts have values of such names.
 *
 * @module
 */

import { type Described, readWords, type Word } from "./options.ts";

/** What sounds secret wherever a word has it, as `token` in `xauthtoken`. */
const PARTS =
  /passw(or)?d|passphrase|passcode|token(?!i[sz])|secret(?!ar)|(?<!ob|pos)session|sessid|cookie|credential|signature|jwt|authori[sz]ation|authentication|(api|app|access|account|auth|client|encryption|license|master|private|secret|shared|signing|ssh|subscription)key/;

/** What does as a word of its own: `key` in `x-api-key`, not in `monkey`. */
const WORDS =
  /^(o?auth|keys?|sig|pass|pwd|pw|pin|t?otp|sid|csrf|xsrf|mfa|dpop|cvv|cvc|saml|samlresponse|psk|hmac|bearer|assertion|verifier)$/;

/** What does as the whole name: OAuth's `code`, not `status_code`. */
const NAMES =
  /^((auth|access|authorization|device|recovery|security|verification)-?)?code$/;

const HARMLESS =
  /^access-?control-|(max|min|total|prompt|completion|input|output)-?tokens?$|token-?type$|(public|primary|foreign|sort|partition|cache|idempotency)-?key$/;

/** Whether the name of a header, a field or a parameter sounds secret: its words tell, between signs or humps. */
export function isSecret(name: string): boolean {
  const humps = name.replace(/[a-z\d](?=[A-Z])|[A-Z](?=[A-Z][a-z])/g, "$&-");
  const readings = [name, humps].map((text) =>
    text.toLowerCase().split(/[^a-z]+/).filter((word) => word !== "")
  );
  const wholes = readings.map((words) => words.join("-"));
  return !wholes.some((whole) => HARMLESS.test(whole)) && (
    wholes.some((whole) => NAMES.test(whole)) ||
    readings.flat().some((word) => PARTS.test(word) || WORDS.test(word))
  );
}

/** Decodes percent-encoding of any depth in a name, byte by byte. */
export function decodeName(name: string): string {
  return name.replace(
    /%(?:25)*([\da-f]{2})/gi,
    (_, hex) => String.fromCharCode(parseInt(hex, 16)),
  );
}

/** The start of a value in a URL, and its name, percent-encoded or not, as of a URL in a URL; without a limit hostile names take quadratic time. */
const PARAMETER =
  /(?:[?&;#]|%(?:25)*(?:3f|26|3b|23|22))\s{0,9}([^?&;#=\s]{0,200}?)(?:=|%(?:25)*(?:3d|22(?::|%(?:25)*3a)))/gi;

/** @param end What ends a URL, beside its own signs. */
function hide(given: string, end: string): string {
  const more = `[^/?#\\s${end}]`;
  const text = given
    // a placeholder in a hint is no secret
    .replace(new RegExp(`//(?!USER:PASSWORD@)${more}+@`, "g"), "//***@")
    .replace(
      new RegExp(`((%(?:25)*2f)\\2)(?:(?!\\2)${more})+(@|%(?:25)*40)`, "gi"),
      "$1***$3",
    );
  let [shown, done] = ["", 0];
  for (const { 0: all, 1: name = "", index } of text.matchAll(PARAMETER)) {
    const start = index + all.length;
    if (index < done || !isSecret(decodeName(name))) continue;
    // a parameter of a path ends with the path
    const ends = new RegExp(`[${all[0] === ";" ? "?#" : "&#"}${end}]`, "g");
    ends.lastIndex = start;
    let stop = ends.exec(text)?.index ?? text.length;
    // what follows a URL in a sentence is not of it
    while (end && stop > start && /[:;,.?')]/.test(text[stop - 1] ?? "")) {
      stop--;
    }
    if (stop === start) continue;
    shown += `${text.slice(done, start)}***`;
    done = stop;
  }
  return shown + text.slice(done);
}

/** Hides in a URL, or a header's value, the user, the password and the parameters whose names sound secret. */
export function redactUrl(text: string): string {
  return hide(text, "");
}

/** The same of a URL that was typed, which may have a user and a password without a scheme. */
export function redactAddress(text: string): string {
  return redactUrl(
    text.replace(/^(?![\w+.-]+:\/\/)[^\s/?#@]*:[^\s/?#]*@/, "***@"),
  );
}

/** Hides the same in the URLs of a text, which end at blanks and quotes. */
export function redactText(text: string): string {
  return hide(text, '\\s"<>');
}

async function show(
  { redact = redactUrl }: Described,
  { text, option, isOperand }: Word,
  at: number,
): Promise<string> {
  if (isOperand) return await redact(text, at);
  const { secret = false } = option ?? {};
  if (secret === "url") return redactAddress(text);
  const isHidden = typeof secret === "boolean" ? secret : secret.test(text);
  return isHidden && text !== "" ? "***" : text;
}

/** The words of a command line, each with its text as it may be shown; where it cannot be read all are operands. */
export async function redactArguments(
  command: Described,
  args: readonly string[],
): Promise<(Word & { readonly shown: string })[]> {
  let words: readonly Word[];
  try {
    words = readWords(command.options, args);
  } catch {
    words = args.map((text) => ({ start: "", text, isOperand: true }));
  }
  let at = 0;
  return await Promise.all(words.map(async (word) => ({
    ...word,
    shown: await show(command, word, word.isOperand ? at++ : at)
      .catch(() => "***"),
  })));
}
