/**
 * Whether an API's posts have the fields that posts have.
 *
 * @module
 */

import { Failure } from "../../lib/cli/errors.ts";
import { createFieldReader, type Document } from "../api/store/document.ts";
import {
  type FieldType,
  findMismatch,
  resources,
} from "../api/store/schema.ts";

/** The text of a value that is one number, text or truth: of a number the digits that came. */
function scalarOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  const isRawJson: unknown = Reflect.get(JSON, "isRawJSON");
  const isKept = typeof isRawJson === "function" && isRawJson(value) === true;
  return isKept || typeof value === "number" || typeof value === "boolean"
    ? JSON.stringify(value)
    : undefined;
}

type Types = { readonly [field: string]: FieldType };

/** Puts numbers in the place of those whose digits were kept, and of ids that are texts: which one it is does not count here. */
function withNumbers(document: Document, types: Types): Document {
  const replace = (name: string, value: unknown) => {
    if (typeof value === "string") {
      return types[name] === "integer" && value !== "" ? 0 : value;
    }
    const text = typeof value === "boolean" ? undefined : scalarOf(value);
    return text === undefined ? value : /^-?\d+$/.test(text) ? 0 : 0.5;
  };
  const entries = Object.entries(document).map(([name, value]) =>
    [name, replace(name, value)] as const
  );
  const has = (name: string) => Object.hasOwn(document, name);
  return {
    // as MongoDB and snake case name them
    ...has("_id") && { id: 0 },
    ...has("user_id") && { userId: 0 },
    ...Object.fromEntries(entries),
  };
}

/**
 * Makes what looks at posts that came from an API: the fields that are needed must be there, and each field that the
 * table of resources knows must be of its type; an id may be a text.
 *
 * @param needed The fields to look at; all that the table knows unless given.
 * @returns What is wrong with a post: `title: expected string, got null`.
 */
export function createShapeCheck(
  needed?: readonly string[],
): (document: Document) => string | undefined {
  const known: { readonly [field: string]: FieldType } = resources.posts.fields;
  const fields = needed ?? Object.keys(known);
  const types = Object.fromEntries(
    fields.flatMap((field) =>
      known[field] === undefined ? [] : [[field, known[field]]]
    ),
  );
  return (document) => {
    const missing = fields.find((field) =>
      types[field] === undefined && !Object.hasOwn(document, field)
    );
    const wrong = findMismatch(document, types, "") &&
      findMismatch(withNumbers(document, types), types, "")
        ?.replace(
          /expected integer, got string$/,
          "expected integer, got an empty string",
        )
        .replace("expected integer", "expected integer or string");
    return wrong?.replace(/^\./, "") ??
      (missing && `${missing}: expected a value, got nothing`);
  };
}

/** What an error calls a post: by its id where it has one, else by its place. */
export function nameOfPost(document: Document, at: number): string {
  const id = scalarOf(document.id) ?? scalarOf(document._id);
  return id ? `post ${id.slice(0, LONGEST_ID)}` : `posts[${at}]`;
}

/** Of an id so many characters are told. */
const LONGEST_ID = 80;

/** So many fields are named. */
const MOST_NAMES = 30;

/**
 * Checks that each field which was asked for is one of some document: one that none has is most likely mistyped.
 *
 * @param documents The first documents that came; where there are none, nothing is known.
 * @throws {Failure} `Cannot list posts: no post has a field "titel"`, with the fields that there are.
 */
export async function checkFields(
  resource: string,
  fields: readonly string[],
  documents: readonly Document[],
): Promise<void> {
  const known = [...new Set(documents.flatMap(Object.keys))];
  const strange = fields.find((field) => !known.includes(field));
  if (documents.length === 0 || strange === undefined) return;
  const { nearest } = await import("../../lib/cli/nearest.ts");
  const near = nearest(strange, known);
  const more = known.length > MOST_NAMES ? ", and others" : "";
  const all = `the fields are ${known.slice(0, MOST_NAMES).join(", ")}${more}`;
  const what = resource === "posts" ? "post" : "document";
  throw new Failure(
    `Cannot list ${resource}: no ${what} has a field "${strange}"`,
    { hint: near === undefined ? all : `did you mean ${near}? ${all}` },
  );
}

/** Values that mean more than themselves to some API: patterns, ranges, operators, orders. */
const NOT_PLAIN =
  /[*%|]|\.\.|^[<>=!~^$[({]|^(not\.)?(n?eq|[gl]te?|i?like|i?match|in|is|i?fts)\.|^(a|de)sc$/i;

function isSame(text: string, wanted: string): boolean {
  const folded = text.toLowerCase();
  return folded === wanted.trim().toLowerCase() ||
    wanted.trim() !== "" && Number(text) === Number(wanted) ||
    wanted === "1" && folded === "true" || wanted === "0" && folded === "false";
}

/** Compares documents with the filters that were asked for: what an API does not know it mostly ignores, without a word. */
interface FilterCheck {
  /** Looks at documents as they come. */
  readonly add: (documents: readonly Document[]) => void;
  /** The keys that documents contradict, and how many of them. */
  readonly findings: () => (readonly [key: string, count: string])[];
}

/**
 * Starts to compare. Of a key that comes more than once each value will do.
 *
 * @param filters Each key with its value, as they are sent.
 */
export function createFilterCheck(
  resource: string,
  filters: URLSearchParams,
): FilterCheck {
  let total = 0;
  // clients that write lists so ask for any of their values
  const groups = Map.groupBy(
    filters,
    ([key]) => key.replace(/(?:\[\d*\])+$/, ""),
  );
  const counts = Array.from(groups).flatMap(([name, pairs]) => {
    const [[key] = [name]] = pairs;
    // a list of values may stand for any of them
    const wanted = pairs.flatMap(([, value]) =>
      value.includes(",") ? [value, ...value.split(",")] : value
    );
    const isPlain = !wanted.some((value) => NOT_PLAIN.test(value));
    const readers = [createFieldReader(key), createFieldReader(name)];
    const read = (document: Document) =>
      readers.map((reader) => reader(document))
        .find((value) => value !== undefined);
    return isPlain ? [{ key, wanted, read, others: 0, strange: false }] : [];
  });
  return {
    add(documents) {
      total += documents.length;
      for (const count of counts) {
        for (const document of documents) {
          const text = scalarOf(count.read(document));
          if (text === undefined) continue;
          const { wanted } = count;
          if (wanted.some((value) => isSame(text, value))) continue;
          count.others++;
          // where each text has a part that is the value, the API looks for parts
          count.strange ||= !wanted.some((value) =>
            value !== "" && typeof count.read(document) === "string" &&
            text.toLowerCase().includes(value.toLowerCase())
          );
        }
      }
    },
    findings: () =>
      counts.filter(({ strange }) => strange).map(({ key, others }) => {
        const have = others === 1 ? "has" : "have";
        return [key, `${others} of ${total} ${resource} ${have} another`];
      }),
  };
}
