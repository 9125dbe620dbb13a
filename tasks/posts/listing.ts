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

function createRows(
  fields: readonly string[] | undefined,
  format: (cells: readonly string[]) => string,
  end = () => "",
): Listing {
  let names = fields;
  let started = false;
  return {
    add: (document) => {
      names ??= Object.keys(document);
      const head = started ? "" : format(names);
      started = true;
      return head + format(names.map((name) => textOf(document[name])));
    },
    end: () => (started || names === undefined ? "" : format(names)) + end(),
  };
}

/** What a list prints. */
interface ListingOptions {
  /** The fields to print; all of each document's unless given, of the first one's as CSV and as a table. */
  readonly fields: readonly string[] | undefined;
  /** The columns of the terminal, where there is one. */
  readonly columns: number | undefined;
  /** The resource: of posts title and body are the text, as the tutorial has it. */
  readonly resource: string;
}

const TUTORIAL = ["title", "body"];

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
  const { fields, columns = Infinity } = options;
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
        (cells) => cells.map(quoteCsv).join(",") + "\r\n",
      );
    case "table": {
      const { createTable } = await import("./table.ts");
      const table = createTable(columns);
      return createRows(fields, table.add, table.end);
    }
  }
}
