/**
 * What came, as values in JSON.
 *
 * @module
 */

import { encodeBase64 } from "../cli/base64.ts";
import { createJsonFormatter } from "./json_format.ts";
import { isEvents } from "./media_type.ts";
import type { Answer } from "./send.ts";

const encoder = new TextEncoder();

/**
 * Bytes as JSON text: JSON as it is, other text as a string, anything else in base64.
 *
 * @example No digit is lost
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatJsonValue(new TextEncoder().encode("1.10")), "1.10");
 * assertEquals(formatJsonValue(new TextEncoder().encode("hi")), '"hi"');
 * assertEquals(formatJsonValue(new Uint8Array([255])), '{"base64":"/w=="}');
 * ```
 */
export function formatJsonValue(bytes: Uint8Array<ArrayBuffer>): string {
  if (bytes.length === 0) return '""';
  const formatter = createJsonFormatter();
  formatter.format(bytes);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return formatter.state() === "whole" ? text.trim() : JSON.stringify(text);
  } catch {
    return JSON.stringify({ base64: encodeBase64(bytes) });
  }
}

/**
 * Formats the messages of a stream, each as soon as it is there: an event as it is, a line as `{"data":...}`.
 *
 * @param answer The answer; its body is read.
 *
 * @example Two lines
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const body = ReadableStream.from([new TextEncoder().encode("[1]\nhi\n")]);
 * const texts = await Array.fromAsync(formatMessages({ headers: new Headers(), body }));
 * assertEquals(texts, ['{"data":[1]}', '{"data":"hi"}']);
 * ```
 */
export async function* formatMessages(
  answer: Pick<Answer, "headers" | "body">,
): AsyncGenerator<string> {
  if (isEvents(answer.headers)) {
    const { createEventReader } = await import("./events.ts");
    const read = createEventReader();
    for await (const chunk of answer.body) {
      for (const event of read(chunk)) yield JSON.stringify(event);
    }
    return;
  }
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of answer.body) {
    const lines = (held + decoder.decode(chunk, { stream: true })).split("\n");
    held = lines.pop() ?? "";
    for (const line of lines) {
      if (line.trim() !== "") {
        yield `{"data":${formatJsonValue(encoder.encode(line))}}`;
      }
    }
  }
  held += decoder.decode();
  if (held.trim() !== "") {
    yield `{"data":${formatJsonValue(encoder.encode(held))}}`;
  }
}
