/**
 * What came, as JSON, for lessons and tests of clients.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { addressOf, formatAddress } from "../../../lib/net/address.ts";
import {
  type BodyLimits,
  isDeeper,
  maxDepth,
  readBytes,
  toFields,
} from "../request.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Describes a request: its method, URL, query and headers, what is in its body, and the address it came from.
 *
 * @throws {Problem} 413 when the body is longer, 408 when it takes longer.
 */
export async function describeRequest(
  request: Request,
  limits: BodyLimits,
  sender: Deno.Addr | undefined,
): Promise<string> {
  const { method, url, headers } = request;
  const bytes = await readBytes(request, limits);
  const description = {
    method,
    url,
    query: await collect(new URL(url).searchParams),
    headers: await collect(headers),
    ...show(bytes),
    json: readJson(bytes),
    form: await readForm(bytes, headers),
    address: sender && formatAddress(addressOf(sender)),
  };
  return JSON.stringify(description, null, 2);
}

/** Text as it is, other bytes in base64. */
function show(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const { length } = bytes;
  try {
    return { body: decoder.decode(bytes), length };
  } catch {
    return { base64: encodeBase64(bytes), length };
  }
}

function readJson(bytes: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    return isDeeper(value, maxDepth) ? undefined : value;
  } catch {
    return undefined;
  }
}

async function readForm(bytes: Uint8Array<ArrayBuffer>, headers: Headers) {
  const type = headers.get("content-type") ?? "";
  const isForm = /^(multipart\/form-data|application\/x-www-form-urlencoded)\b/i
    .test(type);
  if (!isForm || headers.has("content-encoding")) return;
  try {
    const body = new Response(bytes, { headers: { "content-type": type } });
    return await collect(await body.formData());
  } catch {
    // the body tells how it is none
    return;
  }
}

/** Names with their values; those of a name that comes more than once as a list. */
async function collect(entries: Iterable<[string, string | File]>) {
  const shown = Array.from(entries, async ([name, value]) => {
    if (typeof value === "string") return [name, value] as const;
    const { name: file, type } = value;
    return [name, { name: file, type, ...show(await value.bytes()) }] as const;
  });
  return toFields(await Promise.all(shown));
}
