/**
 * What `_strict` checks: a document that is to be stored, against those of its resource as /openapi.json describes them.
 *
 * @module
 */

import type { Document } from "../store/document.ts";
import { Problem } from "../store/problem.ts";
import type { Store } from "../store/store.ts";
import { describe, findError, sampleSize, type Schema } from "./schema.ts";

/**
 * Checks a document.
 *
 * @param isGiven Tells which fields may be missing: the id, what the URL says, for PATCH all.
 * @throws {Problem} 422 with the path of each field that is unknown, missing or of another type.
 */
type Check = (document: Document, isGiven: (field: string) => boolean) => void;

interface Known {
  readonly version: number;
  readonly schemas: Map<string, Schema>;
}

const known = new WeakMap<Store, Known>();

/** Makes the check of a resource as it is now. Where it has no documents nothing is known of them. */
export function createCheck(store: Store, resource: string): Check {
  const { properties = {}, required = [] } = schemaOf(store, resource);
  const fields = Object.entries(properties);
  if (fields.length === 0) return () => {};
  return (document, isGiven) => {
    const errors = [
      ...fields.filter(([field]) =>
        Object.hasOwn(document, field) ||
        required.includes(field) && !isGiven(field)
      ).map(([field, own]) => findError(document[field], own, `body.${field}`)),
      ...Object.keys(document)
        .filter((field) => !Object.hasOwn(properties, field))
        .map((field) => `body.${field}: there is no such field`),
    ].filter((error) => error !== undefined);
    if (errors.length === 0) return;
    throw new Problem(422, `Cannot store the body: ${errors[0]}`, { errors });
  };
}

/** Describes a resource once until the next write. */
function schemaOf(store: Store, resource: string): Schema {
  const version = store.version();
  const kept = known.get(store);
  const { schemas } = kept?.version === version
    ? kept
    : { schemas: new Map<string, Schema>() };
  known.set(store, { version, schemas });
  const found = schemas.get(resource);
  if (found !== undefined) return found;
  const all = store.resources();
  const own = all.filter(({ name }) => name === resource);
  const [described] = describe(store, own, sampleSize(all));
  const schema = described?.strict ?? {};
  schemas.set(resource, schema);
  return schema;
}
