/**
 * Which documents a filter finds: the comparisons of json-server 0.17 and of its version 1, and `_where`.
 *
 * @module
 */

import {
  createElementReader,
  createFieldReader,
  isDocument,
  parseJson,
} from "./document.ts";
import { Problem } from "./problem.ts";

/** Tells whether a document meets what was asked for. */
export type Condition = (document: unknown) => boolean;

/** One condition on a field. A field that is missing meets none; one that is null meets none of 0.17's. */
export interface Filter {
  /** The name in the URL: `title_like`, `title:contains`. */
  readonly key: string;
  /** The field's name; dots lead into nested objects and into the elements of lists: `address.city`, `items.id`. */
  readonly path: string;
  /** How the field is compared: `gte` as json-server 0.17 does, `:gte` as its version 1 does. */
  readonly operator: string;
  /**
   * The values as a URL writes them; `1` matches both the number 1 and the string "1". One of them
   * must match, or, for `ne`, all. Of a list some element must match, or, for `ne`, all.
   */
  readonly values: readonly string[];
}

type Comparison = (
  wanted: readonly unknown[],
  key: string,
) => (found: unknown) => boolean;

const equalsAny: Comparison = (wanted) => {
  const [first, ...others] = new Set(wanted.map(String));
  if (others.length === 0) return (found) => first === String(found);
  const texts = new Set([first, ...others]);
  return (found) => texts.has(String(found));
};

const equalsNone: Comparison = (wanted) => {
  const equals = equalsAny(wanted, "");
  return (found) => !equals(found);
};

function isNumeric(value: unknown): boolean {
  return typeof value === "number" || typeof value === "boolean";
}

/** Compares as texts, and as numbers where `isAsNumber` says so; NaN where there is no order. */
function ordersAny(
  isMeant: (order: number) => boolean,
  isAsNumber: (found: unknown, value: unknown) => boolean,
): Comparison {
  const orderOf = (found: unknown, value: unknown) => {
    if (isAsNumber(found, value)) return Number(found) - Number(value);
    const [left, right] = [String(found), String(value)];
    return left < right ? -1 : left > right ? 1 : 0;
  };
  return (wanted) => (found) =>
    wanted.some((value) => isMeant(orderOf(found, value)));
}

function holdsAny(
  isMeant: (found: string, value: string) => boolean,
): Comparison {
  return (wanted) => {
    const texts = wanted.map((value) => String(value).toLowerCase());
    return (found) => {
      if (typeof found !== "string") return false;
      const text = found.toLowerCase();
      return texts.some((value) => isMeant(text, value));
    };
  };
}

const isTextless = (found: unknown, value: unknown) =>
  typeof found !== "string" || typeof value !== "string";

const comparisons: ReadonlyMap<string, Comparison> = new Map([
  ["eq", equalsAny],
  ["ne", equalsNone],
  ["gte", ordersAny((order) => order >= 0, isNumeric)],
  ["lte", ordersAny((order) => order <= 0, isNumeric)],
  ["gt", ordersAny((order) => order > 0, isNumeric)],
  ["lt", ordersAny((order) => order < 0, isNumeric)],
  ["like", (wanted, key) => {
    const patterns = wanted.map((each) => parsePattern(String(each), key));
    return (found) => {
      const text = String(found);
      return patterns.some((matches) => matches(text));
    };
  }],
  // Version 1 tells the text "1" from the number 1, which a URL cannot; in all else these are its own.
  [":eq", equalsAny],
  [":ne", equalsNone],
  [":in", equalsAny],
  [":gte", ordersAny((order) => order >= 0, isTextless)],
  [":lte", ordersAny((order) => order <= 0, isTextless)],
  [":gt", ordersAny((order) => order > 0, isTextless)],
  [":lt", ordersAny((order) => order < 0, isTextless)],
  [":contains", holdsAny((found, value) => found.includes(value))],
  [":startsWith", holdsAny((found, value) => found.startsWith(value))],
  [":endsWith", holdsAny((found, value) => found.endsWith(value))],
]);

/** The operators of version 1. */
export const operators: readonly string[] = [...comparisons.keys()]
  .filter((name) => name.startsWith(":")).map((name) => name.slice(1));

/** Reads a name of a field, with or without an operator. */
export function parseFilter(key: string, values: readonly string[]): Filter {
  const [, path, suffix = ""] = key.match(/^(.*)_(gte|lte|ne|like|gt|lt)$/s) ??
    key.match(/^(.*)(:\w+)$/s) ?? [];
  return path === undefined || !comparisons.has(suffix)
    ? { key, path: key, operator: "eq", values }
    : { key, path, operator: suffix, values };
}

/** Tells whether json-server 0.17 does not know the operator: there the whole name is a field's. */
export function isNew({ operator }: Filter): boolean {
  return operator === "gt" || operator === "lt" || operator.startsWith(":");
}

/**
 * Turns a filter into what tells whether a document meets it.
 *
 * @throws {Problem} 400 when a `like` is not a pattern.
 */
export function toCondition(filter: Filter): Condition {
  const { key, path, operator, values } = filter;
  const wanted = operator === ":in"
    ? values.flatMap((text) => text.split(",")).map((text) => text.trim())
    : values;
  if (!operator.startsWith(":")) return meets(path, operator, wanted, key);
  const isEqual = /^:(eq|ne|in)$/.test(operator);
  const holds = /^:(contains|startsWith|endsWith)$/.test(operator);
  const typed = holds ? wanted : wanted.map(readScalar);
  return meets(path, operator, isEqual ? [...wanted, ...typed] : typed, key);
}

/** Reads a value in a URL as version 1 does: `10` is a number, `true` and `null` are no texts. */
function readScalar(text: string): unknown {
  if (/^(true|false|null)$/.test(text)) return JSON.parse(text);
  const number = text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(number) ? number : text;
}

function meets(
  path: string,
  operator: string,
  wanted: readonly unknown[],
  key: string,
): Condition {
  const compare = (comparisons.get(operator) ?? equalsAny)(wanted, key);
  const isOld = /^(eq|ne|gte|lte|like)$/.test(operator);
  const test = operator.startsWith(":")
    ? compare
    : (found: unknown) => found !== null && compare(found);
  const isNone = operator.endsWith("ne");
  const isRange = /^[gl]te$/.test(operator);
  const read = createFieldReader(path);
  const elements = createElementReader(path);
  return (document) => {
    const found = read(document);
    if (found !== undefined && !Array.isArray(found)) return test(found);
    if (found === undefined) {
      const all = elements(document);
      return isNone ? all.length > 0 && all.every(test) : all.some(test);
    }
    // What 0.17 finds by a list's text is still found.
    if (isOld && (test(found) || isNone)) return test(found);
    const all = elements(document);
    if (isNone) return all.every(test);
    return all.some((each) => (!isRange || isNumeric(each)) && test(each));
  };
}

const maxDepth = 20;
const maxParts = 200;

/**
 * Reads a `_where`: `{"or": [{"views": {"gt": 100}}, {"author": {"name": {"startsWith": "a"}}}]}`. All of an object
 * must be met; `and` and `or` take lists of objects, `not` one; a field's value stands for `eq`.
 *
 * @throws {Problem} 400 when it is something else; the message has the place.
 */
export function parseWhere(text: string): Condition {
  let parts = 0;

  function refuse(place: string, why: string): Problem {
    const where = place === "" ? "" : ` at "${place.slice(1, 80)}"`;
    return new Problem(400, `Cannot read _where${where}: ${why}`);
  }

  function readAll(value: unknown, place: string, path: string): Condition[] {
    if (!Array.isArray(value)) throw refuse(place, "expected a list");
    return value.map((each, at) => read(each, `${place}[${at}]`, path));
  }

  /** Reads an object of conditions on the fields of what is at a path. */
  function read(value: unknown, place: string, path: string): Condition {
    if (!isDocument(value)) throw refuse(place, "expected an object");
    if (place.split(/[.[]/).length > maxDepth) {
      throw refuse(place, `expected at most ${maxDepth} levels`);
    }
    if (++parts > maxParts) {
      throw refuse(place, `expected at most ${maxParts} objects`);
    }
    const all = Object.entries(value).map(([name, inner]) => {
      const at = `${place}.${name}`;
      const field = path === "" ? name : `${path}.${name}`;
      if (name === "and") return every(readAll(inner, at, path));
      if (name === "or") {
        const some = readAll(inner, at, path);
        return (document: unknown) => some.some((meets) => meets(document));
      }
      if (name === "not") {
        const meets = read(inner, at, path);
        return (document: unknown) => !meets(document);
      }
      if (!isDocument(inner)) return readOne(field, "eq", inner, at);
      const [first, ...rest] = Object.entries(inner);
      if (first === undefined || !operators.includes(first[0])) {
        return read(inner, at, field);
      }
      parts += rest.length;
      return every(
        [first, ...rest].map(([operator, wanted]) =>
          readOne(field, operator, wanted, `${at}.${operator}`)
        ),
      );
    });
    return every(all);
  }

  function readOne(
    path: string,
    operator: string,
    value: unknown,
    place: string,
  ): Condition {
    if (!operators.includes(operator)) {
      throw refuse(place, `expected one of ${operators.join(", ")}`);
    }
    const wanted = operator === "in" && Array.isArray(value) ? value : [value];
    if (wanted.some((each) => typeof each === "object" && each !== null)) {
      throw refuse(place, "expected a text, a number, true, false or null");
    }
    return meets(path, `:${operator}`, wanted, "_where");
  }

  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw refuse("", error instanceof Error ? error.message : "it is no JSON");
  }
  return read(value, "", "");
}

function every(conditions: readonly Condition[]): Condition {
  return (document) => conditions.every((meets) => meets(document));
}

const maxLength = 200;
// What matches one character, `.*` and `.+`; then a pattern: between `^` and `$` some of these, and others after `|`.
const item = String
  .raw`[^\\^$.*+?()[\]{}|]|\\[^\w\s]|\\[dwsDWS]|\[\^?(?:[^\\\]^]|\\[^\w\s]|\\[dwsDWS])+\]|\.[*+]?`;
const grammar = new RegExp(
  String.raw`^\^?(?:${item})*\$?(?:\|\^?(?:${item})*\$?)*$`,
);
const token = new RegExp(String.raw`${item}|[\^$|]`, "g");

/**
 * Reads a pattern: a text, found anywhere and in either case, where `^` is the start of the value,
 * `$` its end, `.` any character, `[a-z]`, `\d`, `\w` and `\s` one of some, `.*` any row of them on one line (`.+`
 * one that is not empty), `|` stands between patterns, and `\` takes the meaning of what follows. It means
 * what it means to json-server's `RegExp`, but that beside `.*` nothing matches the end of a line; the rest of that
 * language is refused, since `^(a+)+$` on 28 letters takes seconds there.
 *
 * @param key The name in the URL, for the error.
 * @returns Tells whether a value matches, in a time that grows with the lengths of both only.
 * @throws {Problem} 400 when it holds more than that, or more than 200 characters.
 */
export function parsePattern(
  text: string,
  key: string,
): (value: string) => boolean {
  if (text.length > maxLength || !grammar.test(text)) {
    throw refusePattern(text, key);
  }
  const alternatives = [[""]];
  for (const each of text.match(token) ?? []) {
    const parts = alternatives.at(-1) ?? [];
    if (each === "|") alternatives.push([""]);
    else if (each === ".*") parts.push("");
    else if (each === ".+") parts.push(".");
    else parts.push(`${parts.pop()}${each}`);
  }
  try {
    const all = alternatives.map(matcherOf);
    return (value) => all.some((matches) => matches(value));
  } catch {
    throw refusePattern(text, key); // a class such as [z-a]
  }
}

function refusePattern(text: string, key: string): Problem {
  return new Problem(
    400,
    `Cannot read ${key} "${
      text.slice(0, 40)
    }": expected at most ${maxLength} characters and no operators but ` +
      String
        .raw`^ $ . .* .+ | [a-z] \d \w \s, escaped by \ where they are meant`,
  );
}

/** Makes what finds parts of a pattern one after the other, with `.*` between them. */
function matcherOf(parts: readonly string[]): (value: string) => boolean {
  // Between two `.*` nothing repeats, so the first place that fits is as good as any later one.
  const all = parts.map((part) => new RegExp(part, "gi"));
  if (all.length === 1) return (value) => findAll(all, value);
  const isAtStart = parts[0]?.startsWith("^");
  const isAtEnd = parts.at(-1)?.match(/(?<!\\)(\\\\)*\$$/) !== null;
  return (value) => {
    const lines = value.split(/[\n\r\u2028\u2029]/);
    return lines.some((line, at) =>
      !(isAtStart && at > 0) && !(isAtEnd && at < lines.length - 1) &&
      findAll(all, line)
    );
  };
}

function findAll(parts: readonly RegExp[], text: string): boolean {
  let place = 0;
  return parts.every((part) => {
    part.lastIndex = place;
    const isFound = part.test(text);
    place = part.lastIndex;
    return isFound;
  });
}

/**
 * Tells whether some value of a document, however deep, contains a text in upper or lower case. As
 * in json-server, `false`, `0` and names of fields are not searched.
 *
 * @param text What to look for, in lower case.
 */
export function contains(value: unknown, text: string): boolean {
  if (!value) return false;
  return typeof value === "object"
    ? Object.values(value).some((child) => contains(child, text))
    : String(value).toLowerCase().includes(text);
}
