/**
 * What came, as values in JSON.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { isEvents } from "../../../lib/http/media_type.ts";
import type { HttpResponse } from "../../../lib/http/transport.ts";
import { createJsonFormatter } from "./json_format.ts";

const encoder = new TextEncoder();

/** Bytes as JSON text: JSON as it is, other text as a string, anything else in base64. */
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
 * @param response The response; its body is read.
 */
export async function* formatMessages(
  response: Pick<HttpResponse, "headers" | "body">,
): AsyncGenerator<string> {
  if (isEvents(response.headers)) {
    const { createEventReader } = await import("./events.ts");
    const read = createEventReader();
    for await (const chunk of response.body) {
      for (const event of read(chunk)) yield JSON.stringify(event);
    }
    return;
  }
  for await (const line of linesOf(response.body)) {
    if (line.trim() !== "") {
      yield `{"data":${formatJsonValue(encoder.encode(line))}}`;
    }
  }
}

async function* linesOf(body: HttpResponse["body"]): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let line = "";
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true });
    const [end = "", ...starts] = text.split("\n");
    line += end;
    for (const start of starts) {
      yield line;
      line = start;
    }
  }
  yield line + decoder.decode();
}
