/** Small parts of an OpenAPI document. */
import type { Document } from "../store/document.ts";
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

/** Describes an answer of JSON. */
export function answerOf(description: string, schema: Document): Document {
  return { description, ...contentOf(schema) };
}

/** Describes a body of JSON. */
export function contentOf(schema: Document | Schema): Document {
  return { content: { "application/json": { schema } } };
}

/** Refers to the schema of a resource's documents. */
export function refTo({ name }: Pick<Described, "name">): Document {
  return { $ref: `#/components/schemas/${keyOf(name)}` };
}

/** Writes a resource's name as that of a component, which is letters, digits, `.`, `_` and `-`. */
export function keyOf(name: string): string {
  return name.replace(
    /[^a-zA-Z0-9.-]/g,
    (letter) => `_${letter.charCodeAt(0).toString(16)}`,
  );
}
