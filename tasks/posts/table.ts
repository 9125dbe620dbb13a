/**
 * Documents as they are printed, one after the other: the tutorial's text, JSON, JSON lines, CSV or a table.
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
    end: () => started || names === undefined ? "" : format(names),
  };
}

function createTable(
  fields: readonly string[] | undefined,
  columns: number,
): Listing {
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
        // not Math.max of them all: a call takes some 100,000 arguments
        rows.reduce((most, row) => Math.max(most, row[at]?.length ?? 0), 0)
      );
      return rows.map((row) => {
        const line = row.map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join("  ").trimEnd();
        return line.length > columns
          ? `${line.slice(0, columns - 1)}…\n`
          : `${line}\n`;
      }).join("");
    },
  };
}

/**
 * Starts a list.
 *
 * @param fields The fields to print; all of the first document's unless given, and the tutorial's title and body as text.
 * @param columns How wide a table may be.
 */
export function createListing(
  format: Format,
  fields?: readonly string[],
  columns = Infinity,
): Listing {
  const listOf = (add: Listing["add"]) => ({ add, end: () => "" });
  const pick = (document: Document): Document =>
    fields === undefined
      ? document
      : Object.fromEntries(fields.map((field) => [field, document[field]]));
  switch (format) {
    case "text":
      return listOf((document) => {
        const lines = (fields ?? ["title", "body"]).map((field) => {
          const name = field.charAt(0).toUpperCase() + field.slice(1);
          return `${name}: ${textOf(document[field])}\n`;
        });
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
    case "table":
      return createTable(fields, columns);
  }
}
