import type { Network } from "./transport.ts";

/**
 * Makes what fetch needs for authorities and a certificate of one's own, or one version of HTTP.
 *
 * @param network The way to the server.
 * @throws {Deno.errors.InvalidData} When a certificate or a key is not PEM.
 *
 * @example To be disposed of when the answer is there
 * ```ts
 * using client = createClient({ http: "1.1" });
 * const answer = fetch("data:,hi", { client });
 * await (await answer).text();
 * ```
 */
export function createClient(
  { ca, cert, key, http }: Network,
): Deno.HttpClient {
  return Deno.createHttpClient({
    ...ca !== undefined && { caCerts: [ca] },
    ...cert !== undefined && key !== undefined && { cert, key },
    http1: http !== "2",
    http2: http !== "1.1",
  });
}
