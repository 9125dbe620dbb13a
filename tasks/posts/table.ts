/**
 * Documents as they are printed, one after the other: the tutorial's text, JSON, JSON lines, CSV or a table.
 *
 * @module
 */

import type { Document } from "../api/store/document.ts";

/** How documents are printed. */
export type Format = "text" | "json" | "ndjson" | "csv" | "table";

/** Options for {@linkcode createListing}. */
export interface ListingOptions {
  /** The fields to print; all of the first document's unless given, and the tutorial's title and body as text. */
  readonly fields?: readonly string[] | undefined;
  /** How wide a table may be, in columns; any width unless given. */
  readonly columns?: number | undefined;
}

/** A list that is being printed. */
export interface Listing {
  /** The text of one more document. */
  readonly add: (document: Document) => string;
  /** The text that ends the list. */
  readonly end: () => string;
}

const RULE = "-".repeat(40);

function pick(
  document: Document,
  fields: readonly string[] | undefined,
): Document {
  return fields === undefined
    ? document
    : Object.fromEntries(fields.map((field) => [field, document[field]]));
}

function textOf(value: unknown): string {
  return value === undefined
    ? ""
    : typeof value === "string"
    ? value
    : JSON.stringify(value);
}

/** RFC 4180: quotes around what holds a separator, doubled inside. */
function quoteCsv(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function createRows(
  fields: readonly string[] | undefined,
  format: (cells: readonly string[]) => string,
): Listing {
  let names = fields;
  let started = false;
  const row = (document: Document) => {
    const head = !started ? format(names ?? Object.keys(document)) : "";
    names ??= Object.keys(document);
    started = true;
    return head + format(names.map((name) => textOf(document[name])));
  };
  return {
    add: row,
    end: () => started || names === undefined ? "" : format(names),
  };
}

function createTable({ fields, columns = Infinity }: ListingOptions): Listing {
  const rows: string[][] = [];
  const { add, end } = createRows(fields, (cells) => {
    rows.push(cells.map((cell) => cell.replaceAll(/\s+/g, " ")));
    return "";
  });
  return {
    add,
    end: () => {
      end();
      const widths = (rows[0] ?? []).map((_, at) =>
        Math.max(...rows.map((row) => row[at]?.length ?? 0))
      );
      return rows.map((row) => {
        const line = row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(
          "  ",
        ).trimEnd();
        return (line.length > columns
          ? line.slice(0, columns - 1) + "…"
          : line) + "\n";
      }).join("");
    },
  };
}

/**
 * Starts a list.
 *
 * @param format How it is printed.
 * @param options Which fields, and how wide.
 */
export function createListing(
  format: Format,
  options: ListingOptions = {},
): Listing {
  const { fields } = options;
  const nothing = () => "";
  switch (format) {
    case "text":
      return {
        add: (document) =>
          (fields ?? ["title", "body"])
            .map((field) =>
              `${field.charAt(0).toUpperCase()}${field.slice(1)}: ${
                textOf(document[field])
              }\n`
            )
            .join("") + `${RULE}\n`,
        end: nothing,
      };
    case "ndjson":
      return {
        add: (document) => JSON.stringify(pick(document, fields)) + "\n",
        end: nothing,
      };
    case "json": {
      let before = "[\n";
      return {
        add: (document) => {
          const text = JSON.stringify(pick(document, fields), null, 2)
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
    case "table":
      return createTable(options);
  }
}
