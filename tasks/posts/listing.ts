/**
 * Documents as they are printed, one after the other: text, JSON, JSON lines, CSV or a table.
 *
 * @module
 */

import type { Document } from "../api/store/document.ts";

/** How documents are printed. */
export type Format = "text" | "json" | "ndjson" | "csv" | "table";

/** A list that is being printed. */
interface Listing {
  /** The text of one more document. */
  readonly add: (document: Document) => string;
  /** The text that ends the list. */
  readonly end: () => string;
  /** The fields that came when the columns were printed already, and are in none. */
  readonly late?: () => readonly string[];
}

const RULE = "-".repeat(40);

/** A value as text; what is not there has none, in JSON either. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}

/** RFC 4180: quotes around what holds a separator, doubled inside. */
function quoteCsv(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** So much text is held until the columns are known: as much of a list is parsed as a whole. */
const HELD = 1 << 20;
/** Of fields that came too late for a column so many are kept. */
const MOST_LATE = 1000;

/**
 * Starts rows of the same columns: of the fields that are given, else of all that the documents have, as far as they
 * can be held; whoever has a field later is told of.
 */
function createRows(
  fields: readonly string[] | undefined,
  known: readonly string[],
  format: (cells: readonly string[]) => string,
  end = () => "",
): Listing {
  let names = fields;
  let held: Document[] | undefined = [];
  let size = 0;
  const late = new Set<string>();
  const rowOf = (document: Document, names: readonly string[]) =>
    format(names.map((name) => textOf(document[name])));

  function flush(documents: readonly Document[]): string {
    const found = new Set(documents.flatMap(Object.keys));
    const first = known.filter((name) => found.has(name));
    const all = names ?? [...new Set([...first, ...found])];
    names = all;
    held = undefined;
    return (documents.length > 0 || fields ? format(all) : "") +
      documents.map((document) => rowOf(document, all)).join("");
  }

  return {
    add: (document) => {
      if (held === undefined) {
        const columns = names ?? [];
        for (const name of fields ? [] : Object.keys(document)) {
          if (columns.includes(name) || late.size >= MOST_LATE) continue;
          late.add(name);
        }
        return rowOf(document, columns);
      }
      held.push(document);
      size += fields ? HELD : JSON.stringify(document).length;
      return size < HELD ? "" : flush(held);
    },
    end: () => (held === undefined ? "" : flush(held)) + end(),
    late: () => [...late],
  };
}

/** What a list prints. */
interface ListingOptions {
  /** The fields to print; all of each document's unless given. */
  readonly fields: readonly string[] | undefined;
  /** The columns of the terminal, where there is one. */
  readonly columns: number | undefined;
  /** The resource: of posts title and body are the text, as the tutorial has it. */
  readonly resource: string;
}

const TUTORIAL = ["title", "body"];
const POST = ["userId", "id", ...TUTORIAL];

/** The fields of a document as the lines of a text, each with its name. */
function linesOf(
  document: Document,
  { fields, resource }: ListingOptions,
): [name: string, field: string][] {
  const isPost = resource === "posts" &&
    (TUTORIAL.some((field) => Object.hasOwn(document, field)) ||
      Object.keys(document).length === 0);
  const shown = fields ?? (isPost ? TUTORIAL : Object.keys(document));
  return shown.map((field) => [
    fields || isPost ? field.charAt(0).toUpperCase() + field.slice(1) : field,
    field,
  ]);
}

/** Starts a list. */
export async function createListing(
  format: Format,
  options: ListingOptions,
): Promise<Listing> {
  const { fields, columns = Infinity, resource } = options;
  const known = resource === "posts" ? POST : [];
  const listOf = (add: Listing["add"]) => ({ add, end: () => "" });
  const pick = (document: Document): Document =>
    fields === undefined
      ? document
      : Object.fromEntries(fields.map((field) => [field, document[field]]));
  switch (format) {
    case "text":
      return listOf((document) => {
        const lines = linesOf(document, options).map(([name, field]) =>
          `${name}: ${textOf(document[field])}\n`
        );
        return lines.join("") + `${RULE}\n`;
      });
    case "ndjson":
      return listOf((document) => JSON.stringify(pick(document)) + "\n");
    case "json": {
      let before = "[\n";
      return {
        add: (document) => {
          const text = JSON.stringify(pick(document), null, 2)
            .replaceAll("\n", "\n  ");
          const separator = before;
          before = ",\n";
          return `${separator}  ${text}`;
        },
        end: () => before === "[\n" ? "[]\n" : "\n]\n",
      };
    }
    case "csv":
      return createRows(
        fields,
        known,
        (cells) => cells.map(quoteCsv).join(",") + "\r\n",
      );
    case "table": {
      const { createTable } = await import("./table.ts");
      const table = createTable(columns);
      return createRows(fields, known, table.add, table.end);
    }
  }
}
