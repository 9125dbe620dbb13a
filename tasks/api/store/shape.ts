/**
 * Whether a value is what a type says.
 *
 * @module
 */

import { isDocument } from "./document.ts";
import type { FieldType } from "./schema.ts";

/**
 * Finds the first place where a value is not what a type says. Fields that the type does not name
 * may hold anything.
 *
 * @param path What the value is called in the answer: `posts[3]`.
 * @returns The place and the reason, or nothing when all is as it should be.
 */
export function findMismatch(
  value: unknown,
  type: FieldType,
  path: string,
): string | undefined {
  const found = typeOf(value);
  if (typeof type === "string") {
    return found === type
      ? undefined
      : `${path}: expected ${type}, got ${found}`;
  }
  if (!isDocument(value)) return `${path}: expected object, got ${found}`;
  for (const [field, fieldType] of Object.entries(type)) {
    const own = Object.hasOwn(value, field) ? value[field] : undefined;
    const mismatch = findMismatch(own, fieldType, `${path}.${field}`);
    if (mismatch !== undefined) return mismatch;
  }
}

/** Names the JSON type of a value as JSON Schema does; `nothing` where there is none. */
export function typeOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isSafeInteger(value) ? "integer" : typeof value;
}
