/** Small parts of an OpenAPI document. */
import type { Document } from "./document.ts";
import type { Described, Schema } from "./schema.ts";

/** What stands for every refusal; {@linkcode problem} is what it names. */
export const failed: Document = { $ref: "#/components/responses/Problem" };

/** A refusal: an RFC 9457 problem document. */
export const problem: Document = {
  description: "What is wrong (RFC 9457)",
  content: {
    "application/problem+json": {
      schema: {
        type: "object",
        properties: {
          title: { type: "string" },
          status: { type: "integer" },
          detail: { type: "string" },
          errors: { type: "array", items: { type: "string" } },
        },
        required: ["title", "status", "detail"],
      },
    },
  },
};

/**
 * Describes an answer of JSON.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(answerOf("A text", { type: "string" }), {
 *   description: "A text",
 *   content: { "application/json": { schema: { type: "string" } } },
 * });
 * ```
 */
export function answerOf(description: string, schema: Document): Document {
  return { description, ...contentOf(schema) };
}

/**
 * Describes a body of JSON.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(contentOf({}), { content: { "application/json": { schema: {} } } });
 * ```
 */
export function contentOf(schema: Document | Schema): Document {
  return { content: { "application/json": { schema } } };
}

/**
 * Refers to the schema of a resource's documents.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const notes = { name: "my notes", single: false, total: 0, schema: {} };
 * assertEquals(refTo(notes), { $ref: "#/components/schemas/my_20notes" });
 * ```
 */
export function refTo({ name }: Pick<Described, "name">): Document {
  return { $ref: `#/components/schemas/${keyOf(name)}` };
}

/**
 * Writes a resource's name as that of a component, which is letters, digits, `.`, `_` and `-`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(["posts", "my notes"].map(keyOf), ["posts", "my_20notes"]);
 * ```
 */
export function keyOf(name: string): string {
  return name.replace(
    /[^a-zA-Z0-9.-]/g,
    (letter) => `_${letter.charCodeAt(0).toString(16)}`,
  );
}
