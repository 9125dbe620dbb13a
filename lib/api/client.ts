import { Failure } from "../cli/errors.ts";
import { ExitCode } from "../cli/exit_code.ts";
import { send, type SendOptions } from "../http/send.ts";
import { type Document, isDocument } from "./document.ts";

/** Where the public JSONPlaceholder is. */
export const PUBLIC_API = "https://jsonplaceholder.typicode.com";

async function readJson(
  answer: { readonly body: AsyncIterable<Uint8Array> },
): Promise<unknown> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of answer.body) {
    text += decoder.decode(bytes, { stream: true });
  }
  return JSON.parse(text + decoder.decode());
}

/**
 * Lists the documents of a collection.
 *
 * @param url The collection: `http://localhost:3000/posts`.
 * @param options How to send the request.
 * @returns The documents, in the API's order.
 * @throws {Failure} When there is no answer, its status is not 2xx (codes 3, 4 and 5), or it is not a list of documents.
 *
 * @example Two documents
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => Response.json([{ id: 1 }]));
 * const url = new URL(`http://127.0.0.1:${server.addr.port}/posts`);
 * assertEquals(await listDocuments(url), [{ id: 1 }]);
 * ```
 */
export async function listDocuments(
  url: URL,
  options: SendOptions = {},
): Promise<Document[]> {
  await using answer = await send({ method: "GET", url, headers: [] }, options);
  if (answer.status >= 300) {
    const code = answer.status >= 500
      ? ExitCode.ServerError
      : answer.status >= 400
      ? ExitCode.ClientError
      : ExitCode.Redirection;
    throw new Failure(
      `Cannot list ${url}: the API answered ${answer.status} ${answer.statusText}`
        .trimEnd(),
      { code },
    );
  }
  const value = await readJson(answer).catch((error) => {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Failure(`Cannot list ${url}: the answer is not JSON`);
  });
  if (!Array.isArray(value)) {
    throw new Failure(
      `Cannot list ${url}: expected a list, got ${kindOf(value)}`,
    );
  }
  return value.map((item, at) => {
    if (isDocument(item)) return item;
    throw new Failure(
      `Cannot list ${url}: [${at}]: expected an object, got ${kindOf(item)}`,
    );
  });
}

function kindOf(value: unknown): string {
  return value === null
    ? "null"
    : Array.isArray(value)
    ? "a list"
    : typeof value;
}
