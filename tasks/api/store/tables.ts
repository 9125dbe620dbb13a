/** Documents as rows: what a store in SQLite asks its database for. */
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { Document } from "./document.ts";
import type { Id } from "./store.ts";

/** A document's row. */
export interface Row {
  /** Where it is among all. */
  readonly place: number;
  /** Its resource. */
  readonly kind: string;
  /** Its id; null for none. */
  readonly id: Id | null;
  /** Its text. */
  readonly json: string;
}

/** The rows of a database. */
export interface Rows {
  /** Adds a row after all others. */
  add(row: Omit<Row, "place">): void;
  /** Puts another text in a row. */
  change(place: number, json: string): void;
  /** Deletes a row. */
  remove(place: number): void;
  /** Finds a document by its id as a URL writes it. */
  find(kind: string, id: string): Row | undefined;
  /** Gives the one document of a resource that is an object. */
  single(kind: string): Row | undefined;
  /** Counts a resource's documents. */
  count(kind: string): number;
  /** Gives the highest id of a resource: any text is higher than any number. */
  highest(kind: string): Id | null;
  /** Writes a part of a resource's documents as `JSON.stringify(documents, null, 2)` would. */
  format(kind: string, limit: number, offset: number): string;
  /** Reads a resource's documents. */
  all(kind: string): Document[];
  /** Reads the documents whose ids are, in a URL, one of these. */
  byIds(kind: string, ids: readonly string[]): Document[];
}

/** Prepares what is asked of a database of documents. */
export function createRows(db: DatabaseSync): Rows {
  const insert = db.prepare(
    "insert into documents (kind, id, json) values (?, ?, ?)",
  );
  const update = db.prepare("update documents set json = ? where place = ?");
  const remove = db.prepare("delete from documents where place = ?");
  const find = db.prepare(
    "select * from documents where kind = ? and id in (?, ?) order by place",
  );
  const single = db.prepare("select * from documents where kind = ?");
  const count = db.prepare("select count(*) n from documents where kind = ?");
  const highest = db.prepare("select max(id) id from documents where kind = ?");
  const format = db.prepare(formatSql);
  const all = db.prepare(`${parseSql} where kind = ? order by place)`);
  const byIds = db.prepare(
    `${parseSql} where kind = ? and id in (select value from json_each(?)) order by place)`,
  );
  return {
    add: ({ kind, id, json }) => void insert.run(kind, id, json),
    change: (place, json) => void update.run(json, place),
    remove: (place) => void remove.run(place),
    find: (kind, id) => toRow(find.get(kind, id, toNumber(id) ?? id)),
    single: (kind) => toRow(single.get(kind)),
    count: (kind) => Number(count.get(kind)?.n),
    highest: (kind) => toId(highest.get(kind)?.id),
    format: (kind, limit, offset) =>
      String(format.get(kind, limit, offset)?.json ?? "[]"),
    all: (kind) => parseRow(all.get(kind)),
    byIds(kind, ids) {
      const values = ids.flatMap((id) => [id, toNumber(id) ?? id]);
      return parseRow(byIds.get(kind, JSON.stringify(values)));
    },
  };
}

// Written whole in SQL: a text put together in JavaScript is a rope, which is slower to send.
const newline = "char(10)";
const formatSql = `select '[' || replace(
    ${newline} || group_concat(json, ',' || ${newline}), ${newline}, ${newline} || '  '
  ) || ${newline} || ']' json
  from (select json from documents where kind = ? order by place limit ? offset ?)`;
/**
 * The start of a statement for {@linkcode parseRow}: what follows is which documents, in which
 * order, and a bracket.
 */
export const parseSql: string =
  "select group_concat(json, ',') json from (select json from documents";

/**
 * Reads the documents that a statement begun by {@linkcode parseSql} found: one text, since to
 * parse one is faster than many.
 */
export function parseRow(
  row: Record<string, SQLOutputValue> | undefined,
): Document[] {
  return JSON.parse(`[${row?.json ?? ""}]`);
}

/**
 * Reads a row of the table of documents.
 *
 * @returns Nothing where there is none.
 */
export function toRow(
  row: Record<string, SQLOutputValue> | undefined,
): Row | undefined {
  return row &&
    {
      place: Number(row.place),
      kind: String(row.kind),
      id: toId(row.id),
      json: String(row.json),
    };
}

function toId(id: SQLOutputValue | undefined): Id | null {
  return typeof id === "number" || typeof id === "string" ? id : null;
}

/** The number whose text this is, as JavaScript and JSON write numbers. */
function toNumber(text: string): number | undefined {
  return `${Number(text)}` === text && text !== "NaN"
    ? Number(text)
    : undefined;
}
