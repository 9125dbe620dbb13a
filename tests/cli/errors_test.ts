import { assertEquals, assertInstanceOf } from "@std/assert";
import { ExitCode, Failure, UsageError } from "../../lib/cli/errors.ts";
import { describe, exitCodeOf } from "../../lib/cli/reasons.ts";

const refused = new Deno.errors.ConnectionRefused("os error 111");

const TABLE: [unknown, string, ExitCode][] = [
  [new Failure("Cannot"), "Cannot", 1],
  [new Failure("Cannot", { code: 5 }), "Cannot", 5],
  [new Failure("Cannot", { cause: refused }), "Cannot: connection refused", 7],
  [
    new Failure("Cannot", { cause: refused, code: 28 }),
    "Cannot: connection refused",
    28,
  ],
  [
    new Failure("Cannot a", { cause: new Failure("b", { cause: refused }) }),
    "Cannot a: b: connection refused",
    7,
  ],
  [new Failure("Cannot", { cause: undefined }), "Cannot", 1],
  [new UsageError("Cannot"), "Cannot", 2],
  [new UsageError("Cannot", { code: 7 }), "Cannot", 2],
  [refused, "connection refused", 7],
  ["text", "text", 1],
];

Deno.test("describe() and exitCodeOf() word and number any error", () => {
  for (const [error, message, code] of TABLE) {
    assertEquals([describe(error), exitCodeOf(error)], [message, code]);
  }
});

Deno.test("UsageError is a Failure and keeps its hint and cause", () => {
  const error = new UsageError("Cannot", { hint: "do", cause: refused });
  assertInstanceOf(error, Failure);
  assertEquals([error.name, error.hint, error.cause], [
    "UsageError",
    "do",
    refused,
  ]);
});

Deno.test("ExitCode holds every number once", () => {
  const codes = Object.values(ExitCode);
  assertEquals(new Set(codes).size, codes.length);
});
