/**
 * What the api sees of a database: a few functions on JSON text. SQLite stands behind them today;
 * PostgreSQL (jsonb) can take its place when one machine is outgrown.
 */
import type { Document } from "./document.ts";
import type { Query, Relations } from "./query.ts";

/** The id of a document: it keeps the type it was given. */
export type Id = number | string;

/** A world: resources by name, each a list of JSON objects, or one object that stands alone. */
export type World = { readonly [kind: string]: readonly unknown[] | Document };

/** A world whose lists may also be made on first use. */
export type Seed = {
  readonly [kind: string]: World[string] | (() => readonly unknown[]);
};

/** A resource of a store. */
export interface Kind {
  /** Its name: `posts`. */
  readonly name: string;
  /** Whether it is one object that stands alone, as `profile` in `{"profile": {}}`. */
  readonly single: boolean;
}

/** A document in a store. */
export interface Stored {
  /** Its id; null when its resource is one object, or when the loaded world gave it none. */
  readonly id: Id | null;
  /** Its text, as `JSON.stringify(document, null, 2)` writes it. */
  readonly json: string;
}

/** A query's part that changed nothing. */
export interface Ignored {
  /** The name in the URL: `usrId`. */
  readonly key: string;
  /** The name that was most likely meant: `userId`. */
  readonly meant: string | undefined;
}

/** A list in a store. */
export interface StoredList {
  /**
   * The documents asked for, as `JSON.stringify(documents, null, 2)` writes them; the object itself
   * where the resource is one object.
   */
  readonly json: string;
  /** How many documents the query found, whatever page of them was asked for. */
  readonly total: number;
  /** What of the query changed nothing. */
  readonly ignored: readonly Ignored[];
}

/** A document that was deleted. */
export interface Deleted {
  /** Its resource. */
  readonly kind: string;
  /** Its id. */
  readonly id: Id | null;
}

/**
 * Decides what is stored under an id; called inside the transaction that stores it.
 *
 * @param id The document's id; null when the resource is one object.
 * @param before The text stored until now.
 * @returns The text to store, written by `JSON.stringify(document, null, 2)`. What it throws leaves
 * all as it was, and reaches the caller.
 */
export type Write = (id: Id | null, before: string) => string;

/** Why a store did not do what it was asked to. */
export type Refusal = "invalid" | "conflict" | "busy" | "full" | "read-only";

/** A store's refusal: nothing was written. */
export class StoreError extends Error {
  /** The name of this class. */
  override name = "StoreError";
  /**
   * `invalid`: the id is neither a number nor a text, or the document is nested deeper than 1,000
   * levels; `conflict`: there is a document of that id already; `busy`: another process held the database
   * for longer than 5 s; `full`: no space is left; `read-only`: it cannot be written to.
   */
  readonly reason: Refusal;
  /** The id that is taken, for a `conflict`. */
  readonly id: Id | undefined;

  /** Takes the reason, one sentence, and the id that is taken. */
  constructor(reason: Refusal, message: string, id?: Id) {
    super(message);
    this.reason = reason;
    this.id = id;
  }
}

/** A value or the promise of one: a database in another process answers later. */
export type Awaitable<T> = T | Promise<T>;

/**
 * A database of documents. The id in a URL is text: `"1"` finds the number 1 and the text "1".
 * Every write is one transaction, and throws a {@linkcode StoreError} where it cannot be done.
 */
export interface Store {
  /**
   * A number that is another one after each write, by this process at once, by others within 50 ms.
   * What was read while it was the same is still good.
   */
  version(): number;
  /** Names the resources, in their order. */
  kinds(): Awaitable<readonly Kind[]>;
  /** Lists a resource's documents, or all as they are; nothing when there is no such resource. */
  list(kind: string, query?: Query): Awaitable<StoredList | undefined>;
  /** Gets one document's text; nothing when there is no such document. */
  get(
    kind: string,
    id: string,
    relations?: Relations,
  ): Awaitable<string | undefined>;
  /**
   * Adds new documents, all or none, and gives what is then stored; nothing when there is no such
   * resource or it is one object. A document without an id gets the highest plus 1, or a random text
   * where ids are texts; its id is then its last field.
   */
  insert(
    kind: string,
    documents: readonly Document[],
  ): Awaitable<readonly Stored[] | undefined>;
  /**
   * Changes one document and gives what is then stored; nothing when there is no such document.
   * Without an id it is the resource that is one object.
   */
  put(
    kind: string,
    id: string | undefined,
    write: Write,
  ): Awaitable<Stored | undefined>;
  /**
   * Deletes one document and, as json-server does, all that refer by a field like `postId` to a
   * document that is not there. Gives what was deleted, the one that was meant first; an empty list
   * when it was not there.
   *
   * @param check Is given the document's text inside the transaction; what it throws keeps it.
   */
  delete(
    kind: string,
    id: string,
    check?: (json: string) => void,
  ): Awaitable<readonly Deleted[]>;
  /** Gives the whole world's text: an object with a list, or one object, per resource. */
  dump(): Awaitable<string>;
  /**
   * Puts another world in the place of this one.
   *
   * @throws {TypeError} When a resource or a document is no object, or its id cannot be one or is
   * taken: `Cannot load "posts[3].id": expected a number or a text`.
   */
  load(world: World): Awaitable<void>;
  /**
   * Makes a private copy in memory of what is stored now: a sandbox. It keeps what is written to it,
   * also where this store only pretends to. The caller disposes of it.
   */
  copy(): Store & Disposable;
}
