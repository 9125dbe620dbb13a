/**
 * What the api sees of a database: seven functions on JSON text. SQLite stands behind them today;
 * PostgreSQL (jsonb) can take its place when one machine is outgrown.
 */
import type { Query } from "./query.ts";

/** The id of a document: it keeps the type it was given. */
export type Id = number | string;

/** A world of documents: resources by name, each a list of JSON objects that have an id. */
export type World = { readonly [kind: string]: readonly unknown[] };

/** The resources of a new world by name, each with what makes its documents on first use. */
export type Seed = { readonly [kind: string]: () => readonly unknown[] };

/** A document in a store. */
export interface Stored {
  /** Its id. */
  readonly id: Id;
  /** Its text, as `JSON.stringify(document, null, 2)` writes it. */
  readonly json: string;
}

/** A list in a store. */
export interface StoredList {
  /** The documents in their order, as `JSON.stringify(documents, null, 2)` writes them. */
  readonly json: string;
  /** How many documents the query found. */
  readonly total: number;
}

/**
 * Decides what is stored under an id; called inside the transaction that stores it.
 *
 * @param id The document's id: the stored one, or a new one.
 * @param before The text stored until now; nothing when the id is new.
 * @returns The text to store, written by `JSON.stringify(document, null, 2)`, or nothing to leave
 * all as it is.
 */
export type Write = (id: Id, before?: string) => string | undefined;

/** A value or the promise of one: a database in another process answers later. */
export type Awaitable<T> = T | Promise<T>;

/** A database of documents. The id in a URL is text: `"1"` finds the number 1 and the text "1". */
export interface Store {
  /** Names the resources, in their order. */
  kinds(): Awaitable<string[]>;
  /** Lists a resource's documents; nothing when there is no such resource. */
  list(kind: string, query: Query): Awaitable<StoredList | undefined>;
  /** Gets one document's text; nothing when there is no such document. */
  get(kind: string, id: string): Awaitable<string | undefined>;
  /**
   * Creates or changes one document in one transaction and gives what is then stored; nothing when
   * there is no such resource or `write` gave nothing. Without an id the document is a new one: its
   * id is the highest plus 1, or a random text where ids are texts.
   */
  put(kind: string, id: Id | undefined, write: Write): Awaitable<
    Stored | undefined
  >;
  /** Deletes one document and tells whether it was there. */
  delete(kind: string, id: string): Awaitable<boolean>;
  /** Gives the whole world's text: an object with a list per resource. */
  dump(): Awaitable<string>;
  /** Puts another world in the place of this one, in one transaction. */
  load(world: World): Awaitable<void>;
}
