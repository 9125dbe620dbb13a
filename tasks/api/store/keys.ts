/** Fields that refer to documents, such as `postId`: each has an index. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Document } from "./document.ts";
import { parseRow, parseSql, type Row, toRow } from "./tables.ts";

// Each makes every later write dearer, and a client could name new ones without end.
const maxKeys = 64;

/** What the documents of one resource refer to by one key. */
export interface Reference {
  /** The resource. */
  readonly kind: string;
  /** The JSON text of the id: `1`, `"1"`. */
  readonly text: string;
}

/** The keys of a database of documents. */
export interface Keys {
  /** Names the keys that have an index: those that some document has, but for the 65th and on. */
  names(): string[];
  /** Makes an index for each key of a document's text that has none yet. */
  index(json: string): void;
  /** Looks anew which have one: what made some was taken back. */
  forget(): void;
  /** Tells whether a resource has a document with a key. */
  has(kind: string, key: string): boolean;
  /** Reads a resource's documents in which a key has one of these JSON texts. */
  find(kind: string, key: string, texts: readonly string[]): Document[];
  /** Lists what a key refers to, each once. */
  references(key: string): Reference[];
  /** Gives the rows that refer to something by a key. */
  referring(key: string, reference: Reference): Row[];
}

/** Prepares what is asked of a database about keys. */
export function createKeys(db: DatabaseSync): Keys {
  const names = db.prepare(
    "select substr(name, 5) key from sqlite_schema where name glob 'key *'",
  );
  let indexed: Set<string> | undefined;
  const statements = new Map<string, StatementSync>();

  /** The path is in the text, not a parameter: only so does SQLite use the index. */
  function prepare(
    key: string,
    toSql: (field: string) => string,
  ): StatementSync {
    const sql = toSql(`json -> '$."${key.replaceAll("'", "''")}"'`);
    const statement = statements.get(sql) ?? db.prepare(sql);
    statements.set(sql, statement);
    return statement;
  }

  function readNames(): string[] {
    return names.all().map(({ key }) => String(key));
  }

  return {
    names: readNames,
    index(json) {
      indexed ??= new Set(readNames());
      for (const [, key = ""] of json.matchAll(/^ {2}"(\w{1,60}Id)":/gm)) {
        if (indexed.has(key) || indexed.size >= maxKeys) continue;
        prepare(
          key,
          (field) =>
            `create index if not exists "key ${key}" on documents (kind, ${field})
          where ${field} is not null`,
        ).run();
        indexed.add(key);
      }
    },
    forget: () => indexed = undefined,
    has: (kind, key) =>
      prepare(
        key,
        (field) =>
          `select 1 from documents where kind = ? and ${field} is not null limit 1`,
      )
        .get(kind) !== undefined,
    find(kind, key, texts) {
      // SQLite has no path to such a field.
      if (/["\0]/.test(key)) return [];
      const statement = prepare(
        key,
        (field) =>
          `${parseSql} where kind = ? and ${field} in (select value from json_each(?))
        order by place)`,
      );
      return parseRow(statement.get(kind, JSON.stringify(texts)));
    },
    references: (key) =>
      prepare(
        key,
        (field) =>
          `select distinct kind, ${field} text from documents where ${field} is not null`,
      )
        .all().map(({ kind, text }) => ({
          kind: String(kind),
          text: String(text),
        })),
    referring: (key, { kind, text }) =>
      prepare(
        key,
        (field) =>
          `select * from documents where kind = ? and ${field} = ? order by place`,
      )
        .all(kind, text).flatMap((row) => toRow(row) ?? []),
  };
}
