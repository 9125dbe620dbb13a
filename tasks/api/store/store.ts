/**
 * What the api sees of a database: a few functions on JSON text.
 *
 * @module
 */

import type { Document } from "./document.ts";
import type { Query, Relations } from "./query.ts";
import type { Naming } from "./naming.ts";

/** The id of a document: it keeps the type it was given. */
export type Id = number | string;

/** Resources by name, each a list of JSON objects, or one object that stands alone. */
export type Data = {
  readonly [resource: string]: readonly unknown[] | Document;
};

/** Data whose lists may also be made on first use. */
export type Seed = { readonly [resource: string]: Data[string] | Maker };

/** Makes a list; how many it makes may be known before. */
interface Maker {
  (): readonly unknown[];
  readonly count?: number;
}

/** A resource of a store. */
export interface Resource {
  readonly name: string;
  /** Whether it is one object that stands alone, as `profile` in `{"profile": {}}`. */
  readonly single: boolean;
}

/** A document in a store. */
export interface Stored {
  /** Null when its resource is one object, or when the loaded data gave it none. */
  readonly id: Id | null;
  /** Its text, as `JSON.stringify(document, null, 2)` writes it. */
  readonly json: string;
}

/** A document that was deleted. */
export type Removed = Stored & { readonly resource: string };

/** A query's part that changed nothing. */
export interface Ignored {
  /** The name in the URL: `usrId`. */
  readonly key: string;
  /** That of its values which changed nothing, where it has several: `title` in `_sort=id,title`. */
  readonly value?: string;
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
  readonly ignored: readonly Ignored[];
}

/** Why a store did not do what it was asked to. */
export type Refusal =
  | "invalid"
  | "conflict"
  | "busy"
  | "full"
  | "gone"
  | "read-only"
  | "damaged";

/** A store's refusal: nothing was written. */
export class StoreError extends Error {
  /** The name of this class. */
  override name = "StoreError";
  /**
   * `invalid`: the id is neither a number nor a text, or the document is nested deeper than 1,000
   * levels; `conflict`: there is a document of that id already; `busy`: another process held the database
   * for longer than 5 s, or until the end; `full`: no space is left; `gone`: its file is not in its
   * place any more; `read-only`: it cannot be written to; `damaged`: its file is not whole any more.
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

/**
 * A database of documents. The id in a URL is text: `"1"` finds the number 1 and the text "1".
 * Every write is one transaction, and throws a {@linkcode StoreError} where it cannot be done.
 */
export interface Store {
  /** How its documents name themselves and each other. */
  readonly naming: Naming;
  /**
   * A number that is another one after each write, by this process at once, by others within 50 ms.
   * What was read while it was the same is still good.
   */
  version(): number;
  /** Names the resources, in their order. */
  resources(): readonly Resource[];
  /** Lists a resource's documents, or all as they are; nothing when there is no such resource. */
  list(resource: string, query?: Query): StoredList | undefined;
  /** Gets one document's text; nothing when there is no such document. */
  get(
    resource: string,
    id: string,
    relations?: Relations,
  ): string | undefined;
  /** Gives the id that a document without one would get now: the highest number plus 1, or a random text. */
  nextId(resource: string): Id;
  /**
   * Adds new documents, all or none, and gives what is then stored; nothing when there is no such
   * resource or it is one object. A document without an id gets the highest number plus 1, or a random text
   * where all ids are texts; its id is then its last field.
   *
   * @param check Is called inside the transaction, before anything is done; what it throws leaves all as it was.
   */
  insert(
    resource: string,
    documents: readonly Document[],
    check?: () => void,
  ): Promise<readonly Stored[] | undefined>;
  /**
   * Changes one document and gives what is then stored; nothing when there is no such document.
   * Without an id it is the resource that is one object.
   *
   * @param change Gives the text to store, written by `JSON.stringify(document, null, 2)`; called inside the
   * transaction, with the id, null for one object, and the text until now. What it throws leaves all as it was.
   */
  put(
    resource: string,
    id: string | undefined,
    change: (id: Id | null, before: string) => string,
  ): Promise<Stored | undefined>;
  /**
   * Deletes one document, those that refer to it by a field like `postId`, those that refer to them, and so on. Gives
   * what was deleted, the one that was meant first; an empty list when it was not there.
   *
   * @param check Is given the document's text inside the transaction; what it throws keeps it.
   */
  delete(
    resource: string,
    id: string,
    check?: (json: string) => void,
  ): Promise<readonly Removed[]>;
  /** Gives the text of all: an object with a list, or one object, per resource. */
  dump(): string;
  /**
   * Puts other data in the place of all.
   *
   * @throws {TypeError} When a resource or a document is no object, or its id cannot be one or is
   * taken: `Cannot load "posts[3].id": expected a number or a text`.
   * @param check As that of `insert`.
   */
  load(data: Data, check?: () => void): Promise<void>;
  /**
   * Makes a private copy in memory of what is stored now: a sandbox. It keeps what is written to it,
   * also where this store only pretends to. The caller disposes of it.
   *
   * @param maxBytes How large it may grow; one that is larger already may double.
   */
  copy(maxBytes?: number): Store & Disposable;
  /** How many bytes its database has. */
  size(): number;
}

/** Where a database's data was imported from. */
export interface Source {
  /** A file's name where it lies beside the database, else its path; or a URL, without what is secret in it. */
  readonly name: string;
  /** The SHA-256 of its bytes, in hex. */
  readonly hash: string;
  /** When, as `Date.toISOString` writes it. */
  readonly time: string;
}

/** Where a database's file is: in its place, nowhere that is known, or another file or an empty one is there. */
export type Place = "here" | "gone" | "other";

/** A store over a database that was opened. */
export interface OpenedStore extends Store, Disposable {
  /** Whether there was none before. */
  readonly isNew: boolean;
  /** Looks where its file is. */
  place(): Place;
  /** Counts its documents, with those that are made on first use. */
  count(): number;
  copy(maxBytes?: number): OpenedStore;
  /** What it was imported from; nothing where it never was. */
  source(): Source | undefined;
  /**
   * Imports what a database without resources is to hold, also where the store only pretends to write. Tells whether
   * it did.
   *
   * @param replaces Whether it also takes the place of what is there.
   * @throws {TypeError} As `load` does.
   */
  import(data: Seed, source?: Source, replaces?: boolean): Promise<boolean>;
}
